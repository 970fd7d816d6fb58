// What htmx and plain HTML leave open: the dialog, the one-time reveal, the clipboard, menus and notices.
"use strict";

(() => {
  const successStays = 6000; // ms, as long as the fade in app.css
  const dialog = () => document.getElementById("dialog");
  const held = () => document.querySelector("[data-reveal]");
  let leaving = false; // the person chose to close the reveal

  // The dialog opens when htmx has filled it. While it holds the reveal, only OK or Close end it.
  document.addEventListener("htmx:after:swap", (event) => {
    const d = dialog();
    armCopy();
    closeMenus(true); // the dialog gives the focus back to what has it now, so that must stay in sight
    if (d && d.childElementCount && !d.open) {
      d.setAttribute("closedby", held() ? "none" : "closerequest");
      d.showModal();
      d.querySelector("input[autofocus]")?.select();
    }
    const landing = document.querySelector("tr[autofocus]");
    if (landing && !d?.open) {
      landing.removeAttribute("autofocus");
      landing.focus({ preventScroll: true });
    }
    keepFocus(event);
    timeNotices();
    sayWhatIsOpen();
  });

  // A success goes away by itself, but not while somebody is at it.
  function timeNotices() {
    for (const note of document.querySelectorAll(".notice-success:not([data-timed])")) {
      note.dataset.timed = "";
      const timer = setInterval(() => {
        if (note.matches(":hover, :focus-within")) return;
        clearInterval(timer);
        note.remove();
      }, successStays);
    }
  }
  timeNotices();

  // For browsers without closedby: a second Esc closes a dialog even when its cancel event is prevented.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (held() && dialog()?.open) event.preventDefault();
    if (event.isComposing) return;
    closeMenus(true);
  }, true);
  document.addEventListener("cancel", (event) => {
    if (held() && event.target === dialog()) event.preventDefault();
  }, true);

  let pressed; // where the pointer went down: text that is selected beyond the box leaves it open
  document.addEventListener("pointerdown", (event) => (pressed = event.target));
  document.addEventListener("click", (event) => {
    const at = event.target.closest("[data-copy], [data-leave], [data-close], [data-dismiss]");
    if (at?.matches("[data-copy]")) copy(at);
    if (at?.matches("[data-leave]")) leaving = true;
    if (at?.matches("[data-dismiss]")) dismiss(at.closest(".alert"));
    if (at?.matches("[data-close]") && dialog()?.contains(at)) {
      event.preventDefault();
      dialog().close();
    }
    if (event.target === dialog() && pressed === dialog() && !held()) dialog().close(); // the ground around the box
    closeMenus(false, event.target);
  });

  // A link that opens a row beneath its own shuts it when it is pressed again.
  document.addEventListener("htmx:config:request", (event) => {
    const open = document.getElementById(event.target.dataset.opens);
    if (!open) return;
    event.preventDefault();
    open.remove();
    sayWhatIsOpen();
  });
  function sayWhatIsOpen() {
    for (const opener of document.querySelectorAll("[data-opens]")) {
      opener.setAttribute("aria-expanded", document.getElementById(opener.dataset.opens) !== null);
    }
  }
  sayWhatIsOpen();

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
    } else if (!ctx.sourceElement.isConnected || (held() && !inReveal(event))) {
      // A late answer, to a question that is gone or beside the reveal, may change its row, but never the dialog.
      tasks.splice(0, tasks.length, ...tasks.filter((task) => !dialog().contains(task.target)));
      if (ctx.response?.status >= 500) notify();
      else if (ctx.response?.status >= 400) notify("What you asked for was not done. Open it again to see why.");
    }
  });
  document.addEventListener("htmx:response:error", (event) => {
    if (inReveal(event)) offerClose();
    refocus(event);
  });
  document.addEventListener("htmx:error", (event) => {
    noAnswer(event);
    refocus(event);
  });

  // The button that was pressed was disabled meanwhile, and so lost the focus.
  const refocus = (event) => setTimeout(() => keepFocus(event));

  // The focus is never left to the body: without it, the Tab key begins again at the top. It goes on in the dialog; or
  // in the part of the page that was changed; or where the request came from.
  function keepFocus(event) {
    const { target, sourceElement } = event.detail.ctx ?? {};
    const fields = "input:not([type=hidden]), .modal-action button";
    const places = dialog()?.open
      ? [dialog().querySelector(fields)]
      : [
          document.getElementById(target?.id),
          sourceElement?.closest("details[data-menu]")?.querySelector("summary"),
          sourceElement?.querySelector("input:not([type=hidden]), button"),
          document.getElementById("main"),
        ];
    for (const place of places) {
      if (document.activeElement === document.body) place?.focus({ preventScroll: true });
    }
  }

  function dismiss(notice) {
    const hadFocus = notice.contains(document.activeElement);
    notice.remove();
    if (hadFocus && !dialog()?.open) document.getElementById("main").focus({ preventScroll: true });
  }

  // The sentence stays on the page until it is dismissed; without one, it is that no answer came.
  function notify(sentence) {
    const note = document.getElementById("no-answer")?.content.cloneNode(true);
    if (!note) return;
    if (sentence) note.querySelector("p").textContent = sentence;
    document.getElementById("notice").replaceChildren(note);
  }

  function noAnswer(event) {
    if (inReveal(event)) {
      explain("Keydesk did not answer, so the name may not be saved. The key is made: copy it, then try OK again, or close.");
      offerClose();
    } else if (dialog()?.open) {
      explain("Keydesk did not answer. It is not known whether anything was changed: reload the page to see, then try again.");
    } else {
      notify();
    }
  }

  document.addEventListener("submit", (event) => {
    if (inReveal(event) && !event.target.hasAttribute("hx-post")) leaving = true; // OK of the whole page
  });

  // A password can be looked at while it is typed.
  for (const label of document.querySelectorAll("[data-show]")) label.removeAttribute("hidden");
  document.addEventListener("change", (event) => {
    const field = document.getElementById(event.target.dataset.shows);
    if (field) field.type = event.target.checked ? "text" : "password";
  });

  // Copying needs a script, so the button is hidden until there is one.
  function armCopy() {
    const button = document.querySelector("[data-copy][hidden]");
    button?.removeAttribute("hidden");
    if (button && (dialog()?.open || !dialog()?.contains(button))) button.focus();
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
    const what = secret.dataset.what;
    document.getElementById("copy-status").textContent = copied
      ? `The ${what} is on your clipboard. Save it now.`
      : `Your browser did not allow it. The ${what} is selected: press Ctrl+C, or Command+C on a Mac.`;
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
