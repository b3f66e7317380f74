// Settings: the browsers in which the user is signed in.

import { View } from "../core/view.js";
import { sessions } from "../stores/sessions.js";
import { html, nothing } from "../vendor/lit/lit.js";
import { showForm } from "./form-dialog.js";
import "./settings-session-list.js";

class SettingsSessions extends View {
  constructor() {
    super();
    this.watch(sessions);
  }

  render() {
    const hasOthers = (sessions.items ?? []).some((item) => !item.is_current);
    return html`
      <p class="muted section-lead">Where you are signed in. End the sessions that you don't recognize, and change your password.</p>
      <luma-session-list .store=${sessions}></luma-session-list>
      ${hasOthers ? html`<button type="button" id="end-others" @click=${endOthers}>End all other sessions</button>` : nothing}
    `;
  }
}

const endOthers = () =>
  showForm({
    heading: "End all other sessions?",
    text: "Your other browsers will have to sign in again.",
    action: "End sessions",
    submit: () => sessions.endOthers(),
  });

customElements.define("luma-settings-sessions", SettingsSessions);
