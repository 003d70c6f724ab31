// Forms that a passkey answers. Each has `data-passkey` (get or create) and `data-options`, stays hidden where the
// browser has no passkeys, and is posted with the answer in its field `passkey`. A field with `data-as` is sent as the box of that id is ticked. Web Authentication Level 3.
"use strict";
(() => {
  const forms = document.querySelectorAll("form[data-passkey]");
  if (!window.PublicKeyCredential || !navigator.credentials) return;

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const known = (list) => list.map((each) => ({ ...each, id: bytes(each.id) }));

  const wanted = {
    get: (asked) => ({ ...asked, challenge: bytes(asked.challenge), allowCredentials: known(asked.allowCredentials) }),
    create: (asked) => ({
      ...asked,
      challenge: bytes(asked.challenge),
      user: { ...asked.user, id: bytes(asked.user.id) },
      excludeCredentials: known(asked.excludeCredentials),
    }),
  };
  const given = {
    get: (said) => ({
      authenticatorData: text(said.authenticatorData),
      signature: text(said.signature),
      userHandle: said.userHandle ? text(said.userHandle) : null,
    }),
    create: (said) => ({
      attestationObject: text(said.attestationObject),
      transports: said.getTransports ? said.getTransports() : [],
    }),
  };

  // One question at a time: browsers refuse a second one.
  let waiting = null;

  const ask = async (form, more) => {
    if (waiting) waiting.abort();
    const mine = (waiting = new AbortController());
    const kind = form.dataset.passkey;
    const publicKey = wanted[kind](JSON.parse(form.dataset.options));
    const { id, type, response } = await navigator.credentials[kind]({ ...more, publicKey, signal: mine.signal });
    const answer = { clientDataJSON: text(response.clientDataJSON), ...given[kind](response) };
    for (const field of form.querySelectorAll("[data-as]")) {
      const box = document.getElementById(field.dataset.as);
      field.value = box && box.checked ? box.value : "";
    }
    form.elements.passkey.value = JSON.stringify({ id, rawId: id, type, response: answer });
    form.submit();
  };

  // The browser offers passkeys with the names that it fills in. Nothing is said where none is chosen.
  const offer = async (form) => {
    const has = PublicKeyCredential.isConditionalMediationAvailable;
    if (!("conditional" in form.dataset) || !has || !(await has.call(PublicKeyCredential))) return;
    ask(form, { mediation: "conditional" }).catch(() => {});
  };

  const press = async (form) => {
    const said = form.querySelector("[role=status]");
    const button = form.querySelector("button");
    said.textContent = "";
    button.disabled = true;
    try {
      await ask(form, {});
    } catch (error) {
      const reason = { NotAllowedError: "cancelled", InvalidStateError: "exists" }[error.name] || "failed";
      said.textContent = said.dataset[reason] || said.dataset.failed;
      button.disabled = false;
      offer(form);
    }
  };

  for (const form of forms) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      press(form);
    });
    offer(form);
  }
  for (const each of document.querySelectorAll("[data-without-passkeys]")) each.hidden = true;
})();
