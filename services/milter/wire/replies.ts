/** What the filter answers: one function for each packet that it writes. */

function packet(command: string, data: Buffer = Buffer.alloc(0)): Buffer {
  const out = Buffer.allocUnsafe(5 + data.length);
  out.writeUInt32BE(1 + data.length, 0);
  out.write(command, 4, 'latin1');
  data.copy(out, 5);
  return out;
}

/**
 * Strings that each end with a NUL, one octet per character. Of a character above 255, an octet could be a
 * NUL.
 */
const strings = (...texts: string[]): Buffer =>
  Buffer.from(texts.map((text) => `${text.replace(/[\0\u0100-\uffff]/g, '')}\0`).join(''), 'latin1');

const numbers = (...values: number[]): Buffer => {
  const out = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) out.writeUInt32BE(value >>> 0, i * 4);
  return out;
};

/** SMFIC_OPTNEG: the version, the actions and the steps that were chosen of those offered. */
export const negotiated = (version: number, actions: number, steps: number): Buffer =>
  packet('O', numbers(version, actions, steps));

export const proceed = (): Buffer => packet('c');
/** The mail, or everything of the connection, is of no more interest. */
export const accept = (): Buffer => packet('a');
/** The mail is taken from the client and goes nowhere. */
export const discard = (): Buffer => packet('d');
/** The server refuses the command with a code of its own for now: the client tries again. */
export const tempfail = (): Buffer => packet('t');

/**
 * Refuses with a reply of SMTP. A "%" counts as the beginning of a format to Sendmail, so it is doubled.
 * @param text one line, such as "550 5.7.1 This mail is refused"
 */
export const refuse = (text: string): Buffer =>
  packet(
    'y',
    strings(
      text
        .replace(/[^ -~]/g, '?')
        .slice(0, 500)
        .replaceAll('%', '%%'),
    ),
  );

/** Puts a header field in front of the one with this number; 0 is the top of the mail. */
export const insertHeader = (index: number, name: string, value: string): Buffer =>
  packet('i', Buffer.concat([numbers(index), strings(name, value)]));

/** Removes the field of a name with this number among those of that name, from 1. */
export const deleteHeader = (index: number, name: string): Buffer =>
  packet('m', Buffer.concat([numbers(index), strings(name, '')]));

/** Holds the mail in the queue of the server. @param reason for the server's log */
export const quarantine = (reason: string): Buffer => packet('q', strings(reason.replace(/[^ -~]/g, '?').slice(0, 200)));

/** More time is needed: the server's clock begins anew. */
export const progress = (): Buffer => packet('p');
