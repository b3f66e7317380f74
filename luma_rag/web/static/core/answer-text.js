// What the text of an answer is made of: reasoning, quotes, or text in Markdown.

/** @import { Citation } from "../stores/conversation.js" */

const REASONING = /^\s*<think(?:ing)?>([\s\S]*?)(?:<\/think(?:ing)?>\s*|$)/i;
const NOTHING = "Nothing in these documents answers this.";
const NOTE = /\n*No language model is configured, so Luma quotes the documents\.[^\n]*\s*$/;
const QUOTE = /^([\s\S]+?)[ \n]\[(\d{1,3})\]$/;

/**
 * The reasoning at the beginning of an answer, and the rest.
 * @param {string} content
 * @returns {{reasoning: string, text: string, isReasoning: boolean}} isReasoning: it has not ended yet
 */
export function splitReasoning(content) {
  const match = REASONING.exec(content);
  if (!match) {
    // "<thi": a tag that is arriving is not shown.
    const isTag = /^\s*<(?:t|th|thi|thin|think|thinki|thinkin|thinking)?$/i.test(content);
    return { reasoning: "", text: isTag ? "" : content, isReasoning: isTag };
  }
  const isReasoning = !/<\/think(?:ing)?>\s*$/i.test(match[0]);
  return { reasoning: match[1].trim(), text: content.slice(match[0].length), isReasoning };
}

/** An answer without the operators' advice that older versions stored with it. @param {string} text */
export const withoutNote = (text) => text.replace(NOTE, "");

/** Whether an answer only states that the documents don't answer the question. @param {string} text */
export const isNothing = (text) => withoutNote(text).trim() === NOTHING;

/**
 * The quotes of an answer that was not written, but put together from the words of the documents; null for others.
 *
 * Every paragraph is the quote of a source, which it names at its end.
 * @param {string} text
 * @param {Citation[]} citations
 * @returns {{text: string, n: number}[] | null}
 */
export function quotesOf(text, citations) {
  const paragraphs = withoutNote(text).trim().split("\n\n");
  const quotes = paragraphs.map((paragraph) => {
    const [, quote, number] = QUOTE.exec(paragraph.trim()) ?? [];
    return { text: quote, n: Number(number) };
  });
  const hasNote = NOTE.test(text);
  const areQuotes = quotes.every((quote) => {
    const source = citations.find(({ n }) => n === quote.n);
    return source && quote.text && (hasNote || isSame(quote.text, source.quote));
  });
  return areQuotes ? quotes.map((quote) => ({ ...quote, text: quote.text.replaceAll("\u2060", "") })) : null;
}

/** Whether one is part of the other, as far as their letters go. */
function isSame(one, other) {
  const [a, b] = [one, other].map((text) => text.replaceAll(/[\s\u2060]/g, "").replace(/…$/, ""));
  return a !== "" && b !== "" && (a.includes(b) || b.includes(a));
}
