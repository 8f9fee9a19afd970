// Passkeys: asks the browser for one and sends its response.
"use strict";

for (const button of document.querySelectorAll("button[data-passkey]")) {
  const status = document.getElementById("passkey-status");
  button.hidden = false;
  button.addEventListener("click", async () => {
    status.hidden = true;
    try {
      button.form.elements.credential.value = JSON.stringify(await passkey(button.dataset.passkey));
      button.form.requestSubmit();
    } catch {
      status.hidden = false; // cancelled, no passkey, or passkeys aren't possible on this host
    }
  });
}

function passkey(action) {
  const options = JSON.parse(document.getElementById("passkey-options").textContent);
  const { publicKey } = options.creation_options ?? options.request_options;
  return action === "create"
    ? navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) })
    : navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
}
