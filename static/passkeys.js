// Passkeys: asks the desk for a challenge and the authenticator for its answer, and sends that with the form.
"use strict";

(() => {
  const able = self.PublicKeyCredential?.parseRequestOptionsFromJSON && self.PublicKeyCredential.parseCreationOptionsFromJSON;

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const away = form.dataset.host !== location.host; // such as 127.0.0.1, which no passkey takes
    const missing = form.querySelector("[data-passkey-missing]");
    if (form.dataset.host && away && missing) {
      missing.textContent = `Passkeys work under ${location.protocol}//${form.dataset.host} only.`;
    } else if (form.dataset.host && able && !away) {
      missing?.remove();
      form.querySelector("[data-passkey-button]").hidden = false;
      form.addEventListener("submit", ask);
    }
  }

  async function ask(event) {
    const form = event.target;
    const button = form.querySelector("[data-passkey-button]");
    const status = form.querySelector("[data-passkey-status]");
    event.preventDefault();
    button.disabled = true;
    status.textContent = "";
    try {
      form.elements.credential.value = JSON.stringify(await answer(form));
      form.submit();
      return; // the page goes
    } catch (error) {
      status.textContent = explain(error);
    }
    button.disabled = false;
    button.focus();
  }

  async function answer(form) {
    const response = await fetch(form.dataset.challenge, { method: "POST", redirect: "manual" });
    if (response.type === "opaqueredirect" || response.status === 403) throw new DOMException("", "TimeoutError"); // to sign in, or to prove it
    if (!response.ok) throw new Error("no challenge");
    const options = await response.json();
    if (form.dataset.passkey === "create") {
      return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
    }
    return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  }

  function explain(error) {
    switch (error.name) {
      case "NotAllowedError":
        return "No passkey answered, or you cancelled. Please try again.";
      case "InvalidStateError":
        return "This device has a passkey for your account already.";
      case "TimeoutError":
        return "That took too long. Reload the page and begin again.";
      case "SecurityError":
        return "Passkeys do not work under this address of the desk.";
    }
    return "Keydesk did not answer. Reload the page and try again.";
  }
})();
