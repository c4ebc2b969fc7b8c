/** Maximum octets of a name on the wire, including the root's zero (RFC 1035 section 2.3.4). */
const MOST_OCTETS = 255;
const MOST_LABEL = 63;

/**
 * The labels of a name in presentation format, each as octets in latin1.
 * @returns null when no zone can hold it: an empty or too long label, a name that is too long, a character
 *   above one octet
 */
export function labelsOf(name: string): string[] | null {
  if (name === '.' || name === '') return [];
  const labels: string[] = [];
  let label = '';
  let octets = 1;
  const end = (): boolean => {
    if (label === '' || label.length > MOST_LABEL) return false;
    labels.push(label);
    octets += label.length + 1;
    label = '';
    return octets <= MOST_OCTETS;
  };
  for (let i = 0; i < name.length; i++) {
    let c = name[i]!;
    if (c === '.') {
      if (!end()) return null;
      continue;
    }
    if (c === '\\') {
      const decimal = /^\d{3}/.exec(name.slice(i + 1, i + 4))?.[0];
      if (decimal === undefined) c = name[++i] ?? '';
      else {
        if (Number(decimal) > 255) return null;
        c = String.fromCharCode(Number(decimal));
        i += 3;
      }
    }
    if (c === '' || c.charCodeAt(0) > 255 || label.length > MOST_LABEL) return null;
    label += c;
  }
  return name.endsWith('.') && label === '' ? labels : end() ? labels : null;
}

/** A name in presentation format without the trailing dot; the root is ".". */
export function nameOf(labels: readonly string[]): string {
  if (labels.length === 0) return '.';
  return labels.map((label) => label.replace(/[^!-~]|[.\\]/g, escaped)).join('.');
}

function escaped(c: string): string {
  return c === '.' || c === '\\' ? `\\${c}` : `\\${String(c.charCodeAt(0)).padStart(3, '0')}`;
}

/** Lower case in ASCII alone, as names are compared (RFC 4343). */
export function lowerName(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
