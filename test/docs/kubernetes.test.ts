import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { SERVICE_NAMES } from '../../services/cli/commands/start.ts';
import { ROLES } from '../../services/store/schema/role-rights.ts';
import { part, steps } from './kubernetes-md.ts';
import { readDocument, tableOf } from './markdown.ts';

describe('docs/kubernetes.md', () => {
  test('makes a login for every role that the program has', () => {
    const names = /for name in (.*); do/.exec(part('3. A login for each service'))![1]!.split(' ');
    expect([...names.filter((name) => name !== 'owner'), 'analyst'].map((name) => `ruawatch_${name}`).sort()).toEqual(
      [...ROLES].sort(),
    );
  });

  test('has every service in its table', () => {
    const names = tableOf(part('What each pod may do'), 'service').map(([name]) => name);
    expect(names).toEqual(expect.arrayContaining([...SERVICE_NAMES]));
    const { services } = parse(readFile('deploy/helm/ruawatch/values.yaml'));
    expect([...names].sort()).toEqual(Object.keys(services).sort());
  });

  test('the figures of docs/scaling.md are those of the chart and of the bench', () => {
    const { services, defaults } = parse(readFile('deploy/helm/ruawatch/values.yaml')) as Values;
    const installed = Object.values(services)
      .filter(({ enabled }) => enabled)
      .map((one) => ({ replicas: one.replicas ?? defaults.replicas, requests: (one.resources ?? defaults.resources).requests }));
    const sum = (of: (one: (typeof installed)[number]) => number) => installed.reduce((all, one) => all + of(one), 0);
    const [pods, cores, memory] = [
      sum(({ replicas }) => replicas),
      sum(({ replicas, requests }) => replicas * Number.parseInt(requests.cpu, 10)) / 1000,
      sum(({ replicas, requests }) => replicas * Number.parseInt(requests.memory, 10)) / 1024,
    ];
    const scaling = readDocument('scaling.md');
    const flat = (text: string) => text.replace(/\s+/g, ' ');
    expect(flat(scaling)).toContain(`these are ${pods} pods that request ${cores} cores and ${memory} GiB of memory`);
    // 24 records a report: seconds of CPU and MB of the table for a million records.
    const rows = new Map(tableOf(scaling, 'per million records (42,000 mails)').map(([what, figure]) => [what!, figure!]));
    const last = (what: string, pattern: RegExp) =>
      Number(pattern.exec([...rows].find(([name]) => name.startsWith(what))![1])![1]);
    const poller = Math.round((24 * last('poller', /(\d+) s/)) / 60);
    const parser = Math.round((24 * last('parser', /(\d+) s/)) / 60);
    const postgres = Math.round((24 * last('Postgres', /(\d+) s with$/)) / 60);
    expect([poller, parser, postgres]).toEqual([8, 40, 46]);
    const figures = `${poller} minutes of CPU of a poller, 26 to ${parser} of parsers, ${postgres} of Postgres`;
    expect(flat(scaling)).toContain(figures);
  });

  test('names images by the version of the program', () => {
    const { version } = JSON.parse(readFile('package.json'));
    expect(steps[1]!.blocks.join()).toContain(`$IMAGE:${version}`);
  });
});

interface Values {
  services: Record<string, { enabled: boolean; replicas?: number; resources?: Resources }>;
  defaults: { replicas: number; resources: Resources };
}
interface Resources {
  requests: { cpu: string; memory: string };
}

function readFile(name: string): string {
  return readDocument(`../${name}`);
}
