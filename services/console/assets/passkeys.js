// Passkeys: asks the browser for a key where a form says so. All else works without it.
const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (one) => one.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
const ids = (keys = []) => keys.map((key) => ({ ...key, id: bytes(key.id) }));

const send = (address, data) =>
  fetch(address, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(data) });

async function made(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: ids(options.excludeCredentials),
  };
  const { id, type, response } = await navigator.credentials.create({ publicKey });
  return {
    id,
    rawId: id,
    type,
    clientExtensionResults: {},
    response: {
      clientDataJSON: text(response.clientDataJSON),
      attestationObject: text(response.attestationObject),
      transports: response.getTransports(),
    },
  };
}

async function used(options) {
  const publicKey = { ...options, challenge: bytes(options.challenge), allowCredentials: ids(options.allowCredentials) };
  const { id, type, response } = await navigator.credentials.get({ publicKey });
  return {
    id,
    rawId: id,
    type,
    clientExtensionResults: {},
    response: {
      clientDataJSON: text(response.clientDataJSON),
      authenticatorData: text(response.authenticatorData),
      signature: text(response.signature),
      ...(response.userHandle && { userHandle: text(response.userHandle) }),
    },
  };
}

async function run(form) {
  const fields = Object.fromEntries(new FormData(form));
  const asked = await send(`${form.getAttribute('action')}/options`, fields);
  if (!asked.ok) throw new Error(String(asked.status));
  const options = await asked.json();
  const response = await (form.dataset.passkey === 'add' ? made(options) : used(options));
  const answer = await send(form.getAttribute('action'), { ...fields, response });
  if (!answer.ok) throw new Error(String(answer.status));
  location.assign(answer.url);
}

for (const form of document.querySelectorAll('form[data-passkey]')) {
  if (!('PublicKeyCredential' in window)) continue;
  form.hidden = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const failed = form.querySelector('[data-failed]');
    failed.hidden = true;
    run(form).catch(() => {
      failed.hidden = false;
    });
  });
}
