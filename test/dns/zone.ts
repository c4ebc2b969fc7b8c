import type { Answer, AskOptions, Dns, RecordData, RecordType } from '../../services/dns/client/types.ts';

/**
 * What stands at a name: records by type; "unknown" for a name that nobody can say anything of. A name above
 * one that exists, exists.
 */
export type Zone = Record<
  string,
  | ({ [T in RecordType]?: RecordData[T][] } & {
      /** Validated by the resolver. */ AD?: true /** Refused by it, unless told not to validate. */;
      bogus?: string;
    })
  | 'unknown'
>;

/** DNS out of a table, with the questions that were asked. */
export function dnsOf(zone: Zone): Dns & { asked: string[] } {
  const asked: string[] = [];
  const names = Object.keys(zone);
  return {
    asked,
    async ask<T extends RecordType>(given: string, type: T, options?: AskOptions): Promise<Answer<T>> {
      const name = given.toLowerCase();
      asked.push(`${type} ${name}`);
      const told = { name, aliases: [], ttl: 300, authenticated: false };
      const wild = names.find((one) => one.startsWith('*.') && name.endsWith(one.slice(1)));
      const found = zone[name] ?? (wild === undefined ? undefined : zone[wild]);
      if (found === 'unknown') return { state: 'unknown', reason: 'timeout', message: `Nobody could say what ${name} holds.` };
      if (found?.bogus !== undefined && !options?.unchecked)
        return { state: 'unknown', reason: 'servfail', message: `${name}: SERVFAIL.`, extended: found.bogus };
      const alias = type === 'CNAME' ? undefined : found?.CNAME?.[0];
      if (alias !== undefined) {
        const behind = await this.ask(alias, type, options);
        return behind.state === 'unknown' ? behind : { ...behind, aliases: [alias, ...behind.aliases] };
      }
      told.authenticated = found?.AD === true;
      const records = found?.[type];
      if (records !== undefined) return { state: 'records', records: records as RecordData[T][], ...told };
      const exists = found !== undefined || names.some((one) => one.endsWith(`.${name}`));
      return { state: exists ? 'nodata' : 'nxdomain', ...told };
    },
  };
}

export const dmarc = (...texts: string[]) => ({ TXT: texts.map((text) => [text]) });
