// Takes a token and forgets it. It is tried before it is kept.

import { Refused, keepToken, news, token } from "./api.js";
import { byId } from "./dom.js";
import { tell, tellIn } from "./trouble.js";

const dialog = byId("token");
const trouble = dialog.querySelector(".trouble");
/** What may stand in a request's head (RFC 6750, 2.1). */
const FORM = /^[A-Za-z0-9._~+/-]+=*$/;

function show() {
  byId("token-open").textContent = token.held() ? "Token kept" : "Token";
  byId("token-forget").disabled = !token.held();
}

async function keep(event) {
  event.preventDefault();
  const text = byId("token-text").value.trim();
  tellIn(trouble);
  try {
    if (!FORM.test(text)) throw new Error("a token has letters, digits and . _ ~ + / - only");
    await keepToken(text);
    byId("token-text").value = "";
    dialog.close();
  } catch (error) {
    tellIn(trouble, error);
  }
}

/** Listens. */
export function begin() {
  show();
  news.addEventListener("token", () => {
    show();
    if (token.held()) tell("token");
  });
  news.addEventListener("refused", (event) => tell("token", new Refused(event.detail)));
  byId("token-open").addEventListener("click", () => {
    tellIn(trouble);
    dialog.showModal();
  });
  byId("token-forget").addEventListener("click", () => {
    token.forget();
    dialog.close();
  });
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.querySelector("form").addEventListener("submit", keep);
}
