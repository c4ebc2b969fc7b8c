import { createSocket, type RemoteInfo } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import { type Answer, decode, encode, type Packet } from 'dns-packet';

export interface Asked {
  /** In lower case; `sent` as it came. */
  name: string;
  sent: string;
  type: string;
  id: number;
  flags: number;
  over: 'udp' | 'tcp';
  port: number;
  edns: boolean;
}

/** What a fake server answers: the sections, with a code and flags; bytes as they are; null for silence. */
export type Reply =
  | {
      answers?: Answer[];
      authorities?: Answer[];
      rcode?: number;
      flags?: number;
      id?: number;
      question?: string;
      truncated?: boolean;
    }
  | Buffer
  | null;

export interface FakeServer {
  server: string;
  port: number;
  asked: Asked[];
  stop(): Promise<void>;
}

/**
 * A name server made of a function, on UDP and TCP of one loopback port: for what a real one would never say.
 * @param reply several replies are several packets, in their order
 */
export async function startFake(reply: (asked: Asked) => Reply | Reply[] | Promise<Reply | Reply[]>): Promise<FakeServer> {
  const asked: Asked[] = [];
  const open = new Set<Socket>();
  const answer = async (bytes: Buffer, over: 'udp' | 'tcp', port: number): Promise<Buffer[]> => {
    const query = decode(bytes);
    const { name, type } = query.questions![0]!;
    const one: Asked = {
      name: name.toLowerCase(),
      sent: name,
      type,
      id: query.id!,
      flags: query.flags!,
      over,
      port,
      edns: query.additionals!.length > 0,
    };
    asked.push(one);
    const said = await reply(one);
    return (Array.isArray(said) ? said : [said]).flatMap((each) =>
      each === null ? [] : Buffer.isBuffer(each) ? each : bytesOf(one, each),
    );
  };
  for (let tries = 0; ; tries++) {
    const udp = createSocket('udp4');
    let running = true;
    udp.on('message', async (bytes: Buffer, from: RemoteInfo) => {
      const packets = await answer(bytes, 'udp', from.port);
      if (running) for (const packet of packets) udp.send(packet, from.port, from.address, () => undefined);
    });
    await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
    const { port } = udp.address();
    const tcp = createServer((socket) => {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
      socket.on('error', () => socket.destroy());
      let bytes = Buffer.alloc(0);
      socket.on('data', async (piece: Buffer) => {
        bytes = Buffer.concat([bytes, piece]);
        if (bytes.length < 2 || bytes.length < bytes.readUInt16BE(0) + 2) return;
        for (const packet of await answer(bytes.subarray(2), 'tcp', socket.remotePort!)) {
          const head = Buffer.alloc(2);
          head.writeUInt16BE(packet.length);
          socket.write(Buffer.concat([head, packet]));
        }
      });
    });
    const bound = await new Promise<boolean>((resolve) => {
      tcp.once('error', () => resolve(false));
      tcp.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (bound) {
      return {
        server: `127.0.0.1:${port}`,
        port,
        asked,
        stop: async () => {
          running = false;
          for (const socket of open) socket.destroy();
          await new Promise<void>((resolve) => udp.close(() => resolve()));
          await new Promise<void>((resolve) => tcp.close(() => resolve()));
        },
      };
    }
    // The port is taken on TCP: another one.
    udp.close();
    if (tries > 20) throw new Error('no port is free for the fake name server');
  }
}

function bytesOf(asked: Asked, reply: Exclude<Reply, Buffer | null>): Buffer {
  const RA = 1 << 7;
  const TC = 1 << 9;
  const packet: Packet = {
    type: 'response',
    id: reply.id ?? asked.id,
    flags: ((reply.flags ?? RA) & ~15) | (reply.rcode ?? 0) | (reply.truncated ? TC : 0),
    questions: [{ name: reply.question ?? asked.sent, type: asked.type as 'A', class: 'IN' }],
    answers: reply.answers ?? [],
    authorities: reply.authorities ?? [],
  };
  return encode(packet);
}

/** dns-packet turns the strings it is given into buffers: it gets a copy. */
export const txt = (name: string, strings: string[], ttl = 300): Answer => ({ name, type: 'TXT', ttl, data: [...strings] });

export const a = (name: string, address: string, ttl = 300): Answer => ({ name, type: 'A', ttl, data: address });
export const cname = (name: string, target: string, ttl = 300): Answer => ({ name, type: 'CNAME', ttl, data: target });
export const soa = (name: string, minimum: number, ttl = 3600): Answer => ({
  name,
  type: 'SOA',
  ttl,
  data: { mname: `ns.${name}`, rname: `hostmaster.${name}`, serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
});
