// Administration: the models in use, and a test of the language model.

import { number } from "../core/format.js";
import { View } from "../core/view.js";
import { notices } from "../stores/notices.js";
import { system } from "../stores/system.js";
import { html, nothing } from "../vendor/lit/lit.js";

/** @import { ModelTest, SystemState } from "../stores/system.js" */

class AdminModels extends View {
  static properties = { isTesting: { state: true }, result: { state: true } };

  constructor() {
    super();
    this.isTesting = false;
    /** @type {ModelTest | null} */
    this.result = null;
    this.watch(system);
  }

  connectedCallback() {
    super.connectedCallback();
    system.load().catch((error) => notices.showError(error));
  }

  render() {
    if (!system.state) return nothing;
    const { llm, embedding, reranker } = system.state;
    return html`
      <ul class="rows" aria-label="Models">
        <li class="row" id="llm">
          <div class="row-main"><h2 class="row-name">Language model</h2>${llm.configured ? this.#llm(llm) : missing()}</div>
          ${llm.configured
            ? html`<button type="button" id="test-llm" ?disabled=${this.isTesting} @click=${this.#test}>${this.isTesting ? "Testing …" : "Test"}</button>`
            : nothing}
        </li>
        <li class="row"><div>
          <h2 class="row-name">Search</h2>
          <p class="muted">${embedding.model}, ${number(embedding.dimensions)} dimensions${embedding.profile ? html`, ${embedding.profile}` : nothing}</p>
        </div></li>
        <li class="row"><div>
          <h2 class="row-name">Reranker</h2>
          <p class="muted">${reranker.configured ? reranker.name : "None. Found passages keep the order of the search."}</p>
        </div></li>
      </ul>
    `;
  }

  /** @param {SystemState["llm"]} llm */
  #llm({ model, kind, host }) {
    const place = kind === "local" ? "on this server" : host ? `at ${host}` : "";
    return html`<p class="muted"><bdi>${model ?? "Unnamed"}</bdi> ${place}</p><div role="status">${this.result ? outcome(this.result) : nothing}</div>`;
  }

  async #test() {
    this.isTesting = true;
    this.result = null;
    try {
      this.result = await system.testModel();
    } catch (error) {
      notices.showError(error);
    } finally {
      this.isTesting = false;
    }
    // A disabled button loses the focus.
    await this.updateComplete;
    this.find("#test-llm").focus();
  }
}

const missing = () => html`
  <p>No language model is configured, so answers are quotes of the documents.</p>
  <p class="advice muted">To change this, set <code>LUMA_LLM_BASE_URL</code> and <code>LUMA_LLM_MODEL</code> to a server that speaks the protocol
    of OpenAI, or <code>LUMA_LLM_GGUF</code> to the file of a model. Then restart Luma.</p>
`;

/** @param {ModelTest} result */
function outcome({ ok, detail, took_ms: took, first_token_ms: first }) {
  if (!ok) return html`<p class="error">It did not answer. <span dir="auto">${detail ?? ""}</span></p>`;
  const seconds = (/** @type {number} */ ms) => `${number(Math.round(ms / 100) / 10)} s`;
  return html`<p class="success">It answered in ${seconds(took)}${first === null ? nothing : html`, with the first word after ${seconds(first)}`}.</p>`;
}

customElements.define("luma-admin-models", AdminModels);
