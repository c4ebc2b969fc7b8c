import type { StageInput } from './input.ts';
import type { Measure } from './measure.ts';

type Stage = (stage: string, input: StageInput) => Promise<Measure | Measure[]>;

/** What a stage needs is loaded with it: the modules of another would count as memory of this one. */
const single = () => import('./single.ts');
const pipeline = () => import('./pipeline.ts');
const importStage: Stage = async (stage, input) => (await import('./import.ts')).importStage(stage, input);
const read: Stage = async (stage, input) => (await single()).read(stage, input);

/** The stages by name; each is run in a process of its own. */
export const STAGES: Record<string, Stage> = {
  floor_read: async (stage, input) => (await single()).floorRead(stage, input),
  read,
  makes_read: async (stage, input) => (await import('./makes.ts')).makesRead(stage, input),
  floor_copy: async (stage, input) => (await single()).floorCopy(stage, input, 2),
  floor_copy_1: async (stage, input) => (await single()).floorCopy(stage, input, 1),
  store: async (stage, input) => (await single()).store(stage, input),
  import: importStage,
  large_floor_read: async (stage, input) => (await single()).largeFloorRead(stage, input),
  large_read: read,
  large_import: importStage,
  imap: async (stage, input) => (await pipeline()).fromMailbox(stage, input, 1, 1),
  analyze: async (stage, input) => (await import('./analyze.ts')).analyze(stage, input),
  logs: async (stage, input) => (await import('./logs.ts')).logs(stage, input),
  milter: async (stage, input) => (await import('./milter.ts')).milter(stage, input),
  dns: async (stage, input) => (await import('./dns.ts')).dns(stage, input),
  queries: async (stage, input) => (await import('./queries.ts')).queries(stage, input),
  pages: async (stage, input) => (await import('./pages.ts')).pages(stage, input),
  readers: async (stage, input) => (await import('./readers.ts')).readers(stage, input),
  backlog: async (stage, input) => (await pipeline()).backlog(stage, input),
  flood: async (stage, input) => (await import('./flood.ts')).flood(stage, input),
  peer_parsedmarc: async (stage, input) => (await import('./peers.ts')).parsedmarc(stage, input),
  scale_1: async (stage, input) => (await pipeline()).fromQueue(stage, input, 1),
  scale_2: async (stage, input) => (await pipeline()).fromQueue(stage, input, 2),
  scale_4: async (stage, input) => (await pipeline()).fromQueue(stage, input, 4),
  scale_4_2: async (stage, input) => (await pipeline()).fromMailbox(stage, input, 2, 4),
};

/** Stages of other programs, which have to be installed: run when they are asked for. */
export const PEER_STAGES: readonly string[] = ['peer_parsedmarc'];

/** Stages that a quick run leaves out: they take minutes, or gigabytes. */
export const LONG_STAGES: readonly string[] = [
  'queries',
  'pages',
  'readers',
  'backlog',
  'flood',
  'scale_1',
  'scale_2',
  'scale_4',
  'scale_4_2',
];
