import { BlockList } from 'node:net';

/** A list of networks, such as "192.0.2.0/24" and "2001:db8::/32", that addresses can be checked against. */
export class Networks {
  private readonly list = new BlockList();

  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [address, bits] = network.split('/') as [string, string];
      this.list.addSubnet(address, Number(bits), address.includes(':') ? 'ipv6' : 'ipv4');
    }
  }

  /** Whether one of the networks contains the address. */
  contains(address: string): boolean {
    return this.list.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
  }
}
