// Work in slices, so that the page answers in between.

const BUDGET_MS = 10;

/** @type {(() => void)[]} */
const tasks = [];
let isRunning = false;

/**
 * Do `task` soon: the last one first, since the end of a list is what is seen.
 * @param {() => void} task
 */
export function soon(task) {
  tasks.push(task);
  if (isRunning) return;
  isRunning = true;
  queueMicrotask(run);
}

function run() {
  const end = performance.now() + BUDGET_MS;
  while (tasks.length && performance.now() < end) tasks.pop()?.();
  isRunning = tasks.length > 0;
  if (isRunning) setTimeout(run);
}
