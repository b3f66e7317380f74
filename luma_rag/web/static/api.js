// The HTTP contract: JSON calls, uploads with progress, answers as server-sent events.

import { parseEvents } from "./events.js";

/** What the server says is wrong (RFC 9457). `status` is 0 where no answer came. */
export class Problem extends Error {
  constructor({ status = 0, title = "", detail = "", errors = [] }) {
    super(detail || title || `The server answered ${status}.`);
    this.status = status;
    this.errors = errors ?? [];
  }
}

const UNREACHABLE = "Luma can't be reached. Check that it is running and that you are online, then try again.";
const BROKEN = "The connection broke off. Try again.";

let signedOut = () => {};
/** Call `listener` whenever a call finds that nobody is signed in. */
export function onSignedOut(listener) {
  signedOut = listener;
}

function csrfToken() {
  const cookie = document.cookie.split("; ").find((pair) => pair.startsWith("csrftoken="));
  return cookie ? decodeURIComponent(cookie.slice("csrftoken=".length)) : "";
}

function problemOf(status, text) {
  let body = {};
  try {
    body = JSON.parse(text);
  } catch {
    // Not JSON: a proxy answered. The status is all there is.
  }
  return new Problem({ ...body, status });
}

function fail(problem, path) {
  // A refused login is an answer to the form, not the end of a session.
  if (problem.status === 401 && path !== "/api/auth/login") signedOut();
  throw problem;
}

async function send(method, path, body, { signal, accept = "application/json" } = {}) {
  const headers = { accept };
  if (method !== "GET") headers["x-csrftoken"] = csrfToken();
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ detail: UNREACHABLE });
  }
  if (!response.ok) fail(problemOf(response.status, await response.text()), path);
  return response;
}

/** Call and return the decoded answer, null where there is none. Throws a Problem. */
export async function call(method, path, body, options) {
  const response = await send(method, path, body, options);
  return response.status === 204 ? null : response.json();
}

/** All items of a list, however many pages it has. */
export async function listAll(path) {
  const items = [];
  for (;;) {
    const glue = path.includes("?") ? "&" : "?";
    const page = await call("GET", `${path}${glue}limit=200&offset=${items.length}`);
    items.push(...page.items);
    if (page.items.length === 0 || items.length >= page.total) return items;
  }
}

/** POST and yield the events of the answer as `{event, data}`. Ends when the server ends it. */
export async function* stream(path, body, signal) {
  const response = await send("POST", path, body, { signal, accept: "text/event-stream" });
  try {
    yield* parseEvents(response.body.pipeThrough(new TextDecoderStream()));
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ detail: BROKEN });
  }
}

/** POST a form; `onProgress` gets the share sent, 0 to 1. fetch can't tell that, XMLHttpRequest can. */
export function upload(path, form, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("accept", "application/json");
    request.setRequestHeader("x-csrftoken", csrfToken());
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onerror = () => reject(new Problem({ detail: UNREACHABLE }));
    request.onload = () => {
      if (request.status < 300) return resolve(JSON.parse(request.responseText));
      const problem = problemOf(request.status, request.responseText);
      if (problem.status === 401) signedOut();
      return reject(problem);
    };
    request.send(form);
  });
}
