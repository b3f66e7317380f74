export { default as MarkdownIt } from "markdown-it";
export { default as footnotes } from "markdown-it-footnote";
export { default as taskLists } from "markdown-it-task-lists";
