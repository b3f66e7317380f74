// Copies the libraries of the page from node_modules to static/vendor, each as one ES module, with licences and a
// list of versions and hashes. Run by `make vendor`; users get the result and need no Node.

import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");
const out = join(here, "static", "vendor");
const tests = join(here, "..", "..", "tests", "end_to_end", "web", "vendor");

/** The entry of each bundled library: what the page may import from it. */
const ENTRIES = {
  lit: `
    export { LitElement, html, svg, nothing, render } from "lit";
    export { classMap } from "lit/directives/class-map.js";
    export { ifDefined } from "lit/directives/if-defined.js";
    export { keyed } from "lit/directives/keyed.js";
    export { live } from "lit/directives/live.js";
    export { ref, createRef } from "lit/directives/ref.js";
    export { repeat } from "lit/directives/repeat.js";
    export { unsafeHTML } from "lit/directives/unsafe-html.js";`,
  markdown: `
    export { default as MarkdownIt } from "markdown-it";
    export { default as footnotes } from "markdown-it-footnote";
    export { default as taskLists } from "markdown-it-task-lists";`,
  dompurify: `export { default as DOMPurify } from "dompurify";`,
  katex: `export { default as katex } from "katex";`,
};

/** Files that are copied as they are: from, to. */
const COPIES = [
  ["pdfjs-dist/build/pdf.min.mjs", "pdfjs/pdf.min.mjs"],
  ["pdfjs-dist/build/pdf.worker.min.mjs", "pdfjs/pdf.worker.min.mjs"],
  ["pdfjs-dist/cmaps", "pdfjs/cmaps"],
  ["pdfjs-dist/standard_fonts", "pdfjs/standard_fonts"],
  ["pdfjs-dist/wasm/jbig2_nowasm_fallback.js", "pdfjs/wasm/jbig2_nowasm_fallback.js"],
  ["pdfjs-dist/wasm/openjpeg_nowasm_fallback.js", "pdfjs/wasm/openjpeg_nowasm_fallback.js"],
  ["pdfjs-dist/wasm/LICENSE_JBIG2", "pdfjs/wasm/LICENSE_JBIG2"],
  ["pdfjs-dist/wasm/LICENSE_OPENJPEG", "pdfjs/wasm/LICENSE_OPENJPEG"],
];

/** What a bundle contains beside the package that names it. */
const PARTS = {
  lit: ["lit", "lit-html", "lit-element", "@lit/reactive-element"],
  markdown: [
    "markdown-it",
    "markdown-it-footnote",
    "markdown-it-task-lists",
    "entities",
    "linkify-it",
    "mdurl",
    "punycode.js",
    "uc.micro",
  ],
  dompurify: ["dompurify"],
  katex: ["katex"],
  pdfjs: ["pdfjs-dist"],
};

const manifestOf = (name) => JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8"));

function licenceOf(name) {
  const file = readdirSync(join(modules, name)).find((entry) => /^licen[cs]e/i.test(entry));
  return file ? readFileSync(join(modules, name, file), "utf8") : `${manifestOf(name).license}\n`;
}

for (const name of ["lit", "markdown", "dompurify", "katex", "pdfjs"]) rmSync(join(out, name), { recursive: true, force: true });

for (const [name, contents] of Object.entries(ENTRIES)) {
  await build({
    stdin: { contents, resolveDir: here },
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    legalComments: "none",
    outfile: join(out, name, `${name}.js`),
  });
  // What is exported, for the type checker, which finds the types in node_modules.
  writeFileSync(join(out, name, `${name}.d.ts`), `${contents.trim().replace(/^ +/gm, "")}\n`);
}
for (const [from, to] of COPIES) {
  mkdirSync(dirname(join(out, to)), { recursive: true });
  cpSync(join(modules, from), join(out, to), { recursive: true });
}
writeFileSync(join(out, "pdfjs", "pdf.min.d.mts"), 'export * from "pdfjs-dist";\n');
// What the tests check the accessibility with.
mkdirSync(join(tests, "axe"), { recursive: true });
cpSync(join(modules, "axe-core/axe.min.js"), join(tests, "axe/axe.min.js"));
cpSync(join(modules, "axe-core/LICENSE"), join(tests, "axe/LICENSE"));
for (const [folder, names] of Object.entries(PARTS)) {
  const text = names.map((name) => `${name} ${manifestOf(name).version}\n\n${licenceOf(name)}`).join("\n\n");
  writeFileSync(join(out, folder, "LICENSE"), text);
}

const files = {};
for (const folder of Object.keys(PARTS)) {
  for (const entry of readdirSync(join(out, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    files[path.slice(out.length + 1)] = createHash("sha256").update(readFileSync(path)).digest("hex");
  }
}
const packages = Object.values(PARTS).flat().sort();
const versions = Object.fromEntries(packages.map((name) => [name, manifestOf(name).version]));
const sorted = Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(join(out, "vendor.json"), `${JSON.stringify({ versions, sha256: sorted }, null, 2)}\n`);
