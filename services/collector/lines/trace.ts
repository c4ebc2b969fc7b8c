import { givenByM365 } from '../programs/services.ts';
import type { Raw } from './raw.ts';

const NEEDED = ['senderaddress', 'recipientaddress', 'recipientstatus', 'sender', 'recipient'];

/**
 * Columns as the admin center names them in other languages, by the letters that remain without accents. Not
 * tried against the service: its reports that are made on the server have English names.
 */
const LOCAL: readonly [RegExp, string][] = [
  [/^(?:absender|expediteur|remitente|mittente|afzender|remetente|adressedelexpediteur|direccion(?:del)?remitente)/, 'sender'],
  [
    /^(?:empfanger|destinataire|destinatario|geadresseerde|ontvanger|adressedudestinataire|direccion(?:del)?destinatario)/,
    'recipient',
  ],
  [/^(?:etat|statut|estado|stato|zustellungsstatus)/, 'status'],
  [
    /^(?:dat(?:a|e|um)(?:\/?(?:time|utc|heure|ora|hora|uhrzeit))*$|empfangen|datede|fecha|recu|recibido|ricevuto|ontvangen|recebido)/,
    'date',
  ],
  [/^(?:nachrichtenid|berichtid|id(?:du|de|del|da)?(?:message|mensaje|messaggio|mensagem))/, 'messageid'],
];

/** What may stand before the heading: of Excel, and of Windows PowerShell's Export-Csv. */
export const isPreamble = (line: string): boolean => /^\ufeff?"?(?:sep=.|#TYPE )/i.test(line);

/** A record of more lines than this has a quote too many. */
const MOST_LINES = 200;

/**
 * The reader of a message trace that was exported as CSV (Microsoft 365), by its heading; null: the line is
 * no such heading. The separator may be a comma, a semicolon or a tab. A value in quotes may have line
 * breaks: its record is read with its last line.
 */
export function readTrace(heading: string): ((line: string) => Raw[]) | null {
  const bare = heading.replace(/^\ufeff/, '');
  const separator = [',', ';', '\t'].find((char) => bare.includes(char));
  if (separator === undefined) return null;
  const columns = cells(bare, separator).map(columnOf);
  if (columns.filter((name) => NEEDED.includes(name)).length < 2) return null;
  let begun: string[] = [];
  let open = false;
  return (line) => {
    begun.push(line);
    open = open !== hasOddQuotes(line);
    if (open && begun.length < MOST_LINES) return [];
    const record = begun.join('\n');
    begun = [];
    open = false;
    const values = cells(record, separator);
    const given = givenByM365(Object.fromEntries(columns.map((name, n) => [name, values[n] ?? ''])));
    return given.map(({ text, program, at }) => ({ text, tag: program, host: program, ...(at === null ? {} : { at }) }));
  };
}

function columnOf(name: string): string {
  const bare = name
    .normalize('NFD')
    .toLowerCase()
    .replace(/\p{M}|[\s_'’.()-]/gu, '');
  return LOCAL.find(([pattern]) => pattern.test(bare))?.[1] ?? bare;
}

/** Whether a line opens a quote, or closes one of a line before it. */
function hasOddQuotes(line: string): boolean {
  let quotes = 0;
  for (let at = line.indexOf('"'); at !== -1; at = line.indexOf('"', at + 1)) quotes++;
  return quotes % 2 === 1;
}

/** The cells of a record (RFC 4180). */
function cells(line: string, separator: string): string[] {
  const found: string[] = [];
  let cell = '';
  let quoted = false;
  for (let at = 0; at < line.length; at++) {
    const char = line[at]!;
    if (quoted) {
      if (char !== '"') cell += char;
      else if (line[at + 1] === '"') cell += line[++at];
      else quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === separator) {
      found.push(cell);
      cell = '';
    } else cell += char;
  }
  found.push(cell);
  return found;
}
