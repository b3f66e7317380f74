// The HTTP client: JSON calls, uploads with progress, and server-sent events.

import { parseEvents } from "./event-stream.js";

/** A problem reported by the server (RFC 9457). `status` is 0 if there was no response. */
export class Problem extends Error {
  /** @param {{status?: number, code?: string, title?: string, detail?: string, errors?: {field: string, message: string}[]}} body */
  constructor({ status = 0, code = "", title = "", detail = "", errors = [] }) {
    super(detail || title || `The server returned status ${status}.`);
    this.status = status;
    this.code = code;
    this.errors = errors ?? [];
  }

  /** Whether a password or a code was rejected, which is a response to a form and not the end of a session. */
  get isAboutCredentials() {
    return REJECTED.includes(this.code);
  }
}

const REJECTED = ["invalid_credentials", "invalid_code", "totp_required"];
const UNREACHABLE = "Luma is unreachable. Check that the server is running and that you are online, then try again.";
const CONNECTION_LOST = "The connection was lost. Try again.";

let signedOut = () => {};
/** Call `listener` whenever a request fails because the user is not signed in. */
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
    // The response is not JSON, for example from a proxy. Only the status is known.
  }
  return new Problem({ ...body, status });
}

/** @param {Problem} problem @returns {never} */
function fail(problem) {
  if (problem.status === 401 && !problem.isAboutCredentials) signedOut();
  throw problem;
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {{signal?: AbortSignal, accept?: string}} [options]
 */
async function send(method, path, body, { signal, accept = "application/json" } = {}) {
  /** @type {Record<string, string>} */
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
  if (!response.ok) fail(problemOf(response.status, await response.text()));
  return response;
}

/**
 * Send a request and return the decoded response, or null if it has no body. Throws a Problem.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export async function call(method, path, body, options) {
  const response = await send(method, path, body, options);
  return response.status === 204 ? null : response.json();
}

/**
 * All items of a paginated list.
 * @param {string} path
 * @returns {Promise<any[]>}
 */
export async function listAll(path) {
  /** @type {any[]} */
  const items = [];
  for (;;) {
    const separator = path.includes("?") ? "&" : "?";
    const page = await call("GET", `${path}${separator}limit=200&offset=${items.length}`);
    items.push(...page.items);
    if (page.items.length === 0 || items.length >= page.total) return items;
  }
}

/**
 * Yield the events of the response as `{event, data}` until the server ends the stream.
 * @param {string} method
 * @param {string} path
 * @param {unknown} body
 * @param {AbortSignal} [signal]
 * @returns {AsyncGenerator<{event: string, data: any}>}
 */
export async function* stream(method, path, body, signal) {
  const response = await send(method, path, body, { signal, accept: "text/event-stream" });
  if (response.status === 204 || !response.body) return;
  try {
    yield* parseEvents(response.body.pipeThrough(new TextDecoderStream()));
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ detail: CONNECTION_LOST });
  }
}

/**
 * POST a form. `onProgress` receives the fraction sent, 0 to 1, which fetch does not report.
 * @param {string} path
 * @param {FormData} form
 * @param {(share: number) => void} onProgress
 * @param {AbortSignal} [signal]
 * @returns {Promise<{status: number, body: any}>}
 */
export function upload(path, form, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("accept", "application/json");
    request.setRequestHeader("x-csrftoken", csrfToken());
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onerror = () => reject(new Problem({ detail: UNREACHABLE }));
    request.onload = () => {
      if (request.status < 300) return resolve({ status: request.status, body: JSON.parse(request.responseText) });
      const problem = problemOf(request.status, request.responseText);
      if (problem.status === 401) signedOut();
      return reject(problem);
    };
    signal?.addEventListener("abort", () => {
      request.abort();
      reject(signal.reason);
    });
    request.send(form);
  });
}
