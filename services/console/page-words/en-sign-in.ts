/** Texts about ways to sign in: see en.ts, which has them all. */
export const signInWords = {
  company: {
    button: (name: string) => `Sign in with your ${name}`,
    refused:
      'The provider did not confirm who you are. Sign in again; if that does not help, an admin finds the reason in its log.',
    no_group: 'None of your groups may use this console. An admin of the provider can add you to one.',
    outdated: 'This sign-in took too long, or was begun in another browser. Begin again.',
  },
  passkeys: {
    title: 'Passkeys',
    lead: 'A passkey signs you in without password and code: your device asks for its PIN or your finger.',
    sign_in: 'Sign in with a passkey',
    refused: 'The passkey was not accepted. Sign in with your password, or try again.',
    not_added: 'The passkey was not added: the password is wrong, or the browser made none.',
    needs_name: 'Passkeys need a host name: open the console as localhost, or under console.url.',
    name: 'What the key is called',
    add: 'Add a passkey',
    remove: 'Remove',
    unused: 'not used yet',
    used: (day: string) => `last used ${day}`,
  },
  own_sessions: {
    browser: 'Browser',
    address: 'Address',
    since: 'Signed in',
    used: 'Last used',
    end: 'End',
    unknown: 'unknown browser',
  },
  own_tokens: {
    title: 'Tokens',
    lead: 'With a token, a program uses the API as you, for what the token may and until it ends.',
    none: 'You have no tokens.',
    name: 'Token',
    scopes: 'May',
    until: 'Until',
    used: 'Last used',
    never: 'never',
    end: 'End',
    needs_password: 'Your account has no password to confirm it with: an admin makes tokens for you (ruawatch people token).',
    nobody_has: 'Nobody has a token.',
    all_of_person: 'all of the person',
    make: 'Make a token',
    what_for: 'What is it for?',
    scope: {
      read: 'Read',
      act: 'Act on findings and senders',
      request: 'Ask for changes',
      decide: 'Decide about changes (for a day, with a code)',
    },
    holds: 'It holds',
    domains: 'Only these domains (empty: all that you see)',
    code: 'Code of your code generator, for deciding',
    made: (key: number) => `Token ${key}`,
    once: 'This is the token. It is shown once: keep it where your program reads its secrets.',
    use: 'Send it with each request:',
    back: 'Back to your account',
  },
};

/** Notices about them. */
export const signInDone = {
  passkey_added: 'The passkey is added: it signs you in from now on.',
  passkey_removed: 'The passkey is removed.',
  session_ended: 'The session has ended.',
  token_ended: 'The token has ended.',
};
