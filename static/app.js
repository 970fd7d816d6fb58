// What htmx and plain HTML leave open: the dialog, the one-time reveal, the clipboard, menus and notices.
"use strict";

(() => {
  const successStays = 6000; // ms, as long as the fade in app.css
  const dialog = () => document.getElementById("dialog");
  const held = () => document.querySelector("[data-reveal]");
  let leaving = false; // the person chose to close the reveal

  // The dialog opens when htmx has filled it. While it holds the reveal, only OK or Close end it.
  document.addEventListener("htmx:after:swap", () => {
    const d = dialog();
    armCopy();
    if (d && d.childElementCount && !d.open) {
      d.setAttribute("closedby", held() ? "none" : "closerequest");
      d.showModal();
    }
    const landing = document.querySelector("tr[autofocus]");
    if (landing && !d?.open) {
      landing.removeAttribute("autofocus");
      landing.focus({ preventScroll: true });
    }
    closeMenus();
    for (const note of document.querySelectorAll(".notice-success:not([data-timed])")) {
      note.dataset.timed = "";
      setTimeout(() => note.remove(), successStays);
    }
  });

  // For browsers without closedby: a second Esc closes a dialog even when its cancel event is prevented.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (held() && dialog()?.open) event.preventDefault();
    closeMenus(true);
  }, true);
  document.addEventListener("cancel", (event) => {
    if (held() && event.target === dialog()) event.preventDefault();
  }, true);

  document.addEventListener("click", (event) => {
    const at = event.target.closest("[data-copy], [data-leave], [data-close], [data-dismiss]");
    if (at?.matches("[data-copy]")) copy(at);
    if (at?.matches("[data-leave]")) leaving = true;
    if (at?.matches("[data-dismiss]")) at.closest(".alert").remove();
    if (at?.matches("[data-close]") && dialog()?.contains(at)) {
      event.preventDefault();
      dialog().close();
    }
    if (event.target === dialog() && !held()) dialog().close(); // the ground around the box
    closeMenus(false, event.target);
  });

  document.addEventListener("focusout", (event) => {
    const menu = event.target.closest("details[data-menu]");
    if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
  });

  document.addEventListener("close", (event) => {
    if (event.target === dialog()) dialog().replaceChildren();
  }, true);

  function closeMenus(refocus = false, except = null) {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (except && menu.contains(except)) continue;
      if (refocus && menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      menu.open = false;
    }
  }

  // The reveal. Nothing that goes wrong may take the key off the screen before it was saved.
  const inReveal = (event) => held() && event.target.closest?.("[data-reveal]");
  const explain = (sentence) => {
    const line = document.getElementById("dialog-error");
    if (line) line.textContent = sentence;
  };
  const offerClose = () => document.querySelector("[data-reveal] [data-leave]")?.removeAttribute("hidden");

  document.addEventListener("htmx:after:request", (event) => {
    if (inReveal(event)) delete event.detail.ctx.hx.redirect; // a session that ended must not navigate away
  });
  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx, tasks } = event.detail;
    if (ctx.response?.status >= 400 && !ctx.response.headers.has("X-Request-Id")) {
      event.preventDefault(); // the answer of something between us and Keydesk
      noAnswer(event);
    } else if (ctx.response?.status === 401 && inReveal(event)) {
      event.preventDefault();
      explain("Your session has ended, so the name was not saved. The key is made: copy it, then close and sign in.");
    } else if (held() && !inReveal(event)) {
      // A late answer to something else may change its row, but never the dialog.
      tasks.splice(0, tasks.length, ...tasks.filter((task) => task.target !== dialog()));
    }
  });
  document.addEventListener("htmx:response:error", (event) => {
    if (inReveal(event)) offerClose();
    refocus();
  });
  document.addEventListener("htmx:error", (event) => {
    noAnswer(event);
    refocus();
  });

  // The button that was pressed was disabled meanwhile, and so lost the focus.
  function refocus() {
    setTimeout(() => {
      if (document.activeElement === document.body) dialog()?.querySelector("input:not([type=hidden]), .btn-error")?.focus();
    });
  }

  function noAnswer(event) {
    if (inReveal(event)) {
      explain("Keydesk did not answer, so the name may not be saved. The key is made: copy it, then try OK again, or close.");
      offerClose();
    } else if (dialog()?.open) {
      explain("Keydesk did not answer. Nothing may have changed: try again, or reload the page to see.");
    } else {
      const note = document.getElementById("no-answer")?.content.cloneNode(true);
      if (note) document.getElementById("notice").replaceChildren(note);
    }
  }

  document.addEventListener("submit", (event) => {
    if (inReveal(event) && !event.target.hasAttribute("hx-post")) leaving = true; // OK of the whole page
  });

  // Copying needs a script, so the button is hidden until there is one.
  function armCopy() {
    const button = document.querySelector("[data-copy][hidden]");
    button?.removeAttribute("hidden");
    if (button && !dialog()?.contains(button)) button.focus();
  }
  armCopy();

  async function copy(button) {
    const secret = document.querySelector("[data-secret]");
    let copied = false;
    try {
      await navigator.clipboard.writeText(secret.textContent);
      copied = true;
    } catch {
      copied = copySelected(secret); // over plain HTTP there is no clipboard object
    }
    button.querySelector("[data-copy-label]").textContent = copied ? "Copied" : "Copy to clipboard";
    button.querySelectorAll("svg").forEach((icon) => icon.toggleAttribute("hidden", icon.hasAttribute("data-done") !== copied));
    document.getElementById("copy-status").textContent = copied
      ? "The key is on your clipboard. Save it now."
      : "Your browser did not allow it. The key is selected: press Ctrl+C, or Command+C on a Mac.";
    if (copied) button.closest("[data-reveal]")?.setAttribute("data-copied", "");
  }

  function copySelected(node) {
    getSelection().selectAllChildren(node);
    try {
      return document.execCommand("copy");
    } catch {
      return false;
    }
  }

  document.addEventListener("copy", () => {
    const secret = document.querySelector("[data-secret]");
    if (secret && getSelection().toString().trim() === secret.textContent) {
      held()?.setAttribute("data-copied", ""); // by hand
    }
  });

  addEventListener("beforeunload", (event) => {
    if (held() && !held().hasAttribute("data-copied") && !leaving) event.preventDefault();
  });
  // The back-forward cache keeps pages that are no-store: wipe the key before, and fetch anew after.
  addEventListener("pagehide", () => {
    for (const node of document.querySelectorAll("[data-secret]")) node.textContent = "";
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
})();
