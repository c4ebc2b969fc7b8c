import { isIPv4 } from 'node:net';
import type { AskOptions, Dns } from '../dns/client/types.ts';
import type { ServerState } from '../store/dns/records.ts';

/** An authoritative server of a zone that was asked for the zone's SOA record. */
export interface Authority extends ServerState {
  /** Null when it does not answer: it is asked nothing more in this round. */
  dns: Dns | null;
}

export interface Zone {
  name: string;
  authorities: readonly Authority[];
}

/** More servers of a zone than this are not asked. */
const MOST_SERVERS = 8;

/** Finds the authoritative servers of names, each zone's once. */
export class Authorities {
  private readonly dns: Dns;
  private readonly connect: (address: string) => Dns;
  private readonly options: AskOptions;
  private readonly zones = new Map<string, Promise<Zone | null>>();

  /**
   * @param dns a resolver
   * @param connect a client of one server that is asked without recursion
   */
  constructor(dns: Dns, connect: (address: string) => Dns, options: AskOptions) {
    this.dns = dns;
    this.connect = connect;
    this.options = options;
  }

  /**
   * The zone that holds a name: the nearest name above that has NS records; public suffixes of one label are
   * nobody's own. Null when the resolver cannot say, or there is none.
   */
  async of(name: string): Promise<Zone | null> {
    for (let at = name; at.includes('.'); at = at.slice(at.indexOf('.') + 1)) {
      const zone = await this.zoneAt(at);
      if (zone !== null) return zone;
    }
    return null;
  }

  /** The zones found, each with its servers. */
  async all(): Promise<Zone[]> {
    return (await Promise.all(this.zones.values())).filter((zone) => zone !== null);
  }

  private zoneAt(name: string): Promise<Zone | null> {
    const known = this.zones.get(name);
    if (known !== undefined) return known;
    const found = this.find(name);
    this.zones.set(name, found);
    return found;
  }

  private async find(name: string): Promise<Zone | null> {
    const answer = await this.dns.ask(name, 'NS', this.options);
    // The NS records behind an alias are those of another zone.
    if (answer.state !== 'records' || answer.aliases.length > 0) return null;
    const servers = [...new Set(answer.records)].sort().slice(0, MOST_SERVERS);
    return { name, authorities: await Promise.all(servers.map((server) => this.try(name, server))) };
  }

  private async try(zone: string, server: string): Promise<Authority> {
    const none: Authority = { zone, server, address: null, state: 'no address', reason: null, serial: null, dns: null };
    const address = await this.addressOf(server);
    if (address.found === null) {
      if (address.unknown !== null) return { ...none, state: 'unknown', reason: address.unknown };
      return { ...none, reason: `${server} has no address.` };
    }
    const dns = this.connect(address.found);
    const answer = await dns.ask(zone, 'SOA', this.options);
    const told = { ...none, address: address.found };
    if (answer.state === 'records') return { ...told, state: 'answers', serial: answer.records[0]!.serial, dns };
    if (answer.state !== 'unknown') return { ...told, state: 'lame', reason: `${server} knows no SOA record of ${zone}.` };
    if (answer.reason === 'budget' || answer.reason === 'cancelled') return { ...told, state: 'unknown', reason: answer.message };
    const silent = answer.reason === 'timeout' || answer.reason === 'unreachable';
    return { ...told, state: silent ? 'silent' : 'lame', reason: answer.message };
  }

  /** One address of a server, IPv4 where there is one: IPv6 does not work everywhere. */
  private async addressOf(server: string): Promise<{ found: string | null; unknown: string | null }> {
    const four = await this.dns.ask(server, 'A', this.options);
    if (four.state === 'records') return { found: four.records.find((one) => isIPv4(one)) ?? null, unknown: null };
    const six = await this.dns.ask(server, 'AAAA', this.options);
    if (six.state === 'records') return { found: six.records[0] ?? null, unknown: null };
    const failed = [four, six].find((one) => one.state === 'unknown');
    return { found: null, unknown: failed?.state === 'unknown' ? failed.message : null };
  }
}
