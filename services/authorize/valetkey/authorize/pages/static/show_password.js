// Buttons that show what is typed into the fields that they control, and hide it again. What is sent is hidden: browsers
// then keep it as a password, and not among what was typed into other fields.
"use strict";
(() => {
  for (const button of document.querySelectorAll("button[data-show-password]")) {
    const fields = button.getAttribute("aria-controls").split(" ").map((id) => document.getElementById(id));
    const show = (isShown) => {
      for (const field of fields) field.type = isShown ? "text" : "password";
      button.setAttribute("aria-pressed", String(isShown));
    };
    button.addEventListener("click", () => show(button.getAttribute("aria-pressed") !== "true"));
    button.form.addEventListener("submit", () => show(false));
    button.hidden = false;
  }
})();
