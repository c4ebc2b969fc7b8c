const grouped = new Intl.NumberFormat('en-US');

/** 4210 as "4,210". */
export function number(n: number): string {
  return grouped.format(n);
}

/** "1 message", "4,210 messages". */
export function count(n: number, singular: string, plural = `${singular}s`): string {
  return `${number(n)} ${n === 1 ? singular : plural}`;
}

/** 0.9793 as "98 %"; what is not quite all or nothing is not rounded to it. */
export function percent(share: number): string {
  if (share > 0 && share < 0.01) return 'under 1 %';
  if (share < 1 && share > 0.99) return 'over 99 %';
  return `${Math.round(share * 100)} %`;
}

/** "a", "a and b", "a, b and c"; beyond `most`, "a, b and 7 more". */
export function list(names: readonly string[], most = 3): string {
  const shown = names.slice(0, names.length > most ? most - 1 : most);
  const rest = names.length - shown.length;
  const all = rest > 0 ? [...shown, `${rest} more`] : shown;
  return all.length < 2 ? (all[0] ?? '') : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
}

/** Names come from reports and may be of any length. */
export function short(name: string, most = 80): string {
  return name.length <= most ? name : `${name.slice(0, most - 1)}…`;
}
