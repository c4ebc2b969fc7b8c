import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { SERVICE_NAMES } from '../../services/cli/commands/start.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(path.join(ROOT, name), 'utf8');

interface Instruction {
  word: string;
  rest: string;
}

/** The instructions of each stage, continued lines joined, comments left out. */
const stages: Instruction[][] = [];
for (const line of read('Dockerfile')
  .replace(/^\s*#.*\n/gm, '')
  .replace(/\\\n\s*/g, ' ')
  .split('\n')) {
  const [, word, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
  if (word === undefined || rest === undefined) continue;
  if (word === 'FROM') stages.push([]);
  stages.at(-1)?.push({ word, rest });
}
const final = stages.at(-1) ?? [];
const of = (word: string) => final.filter((i) => i.word === word).map((i) => i.rest);

describe('Dockerfile', () => {
  it('says how many services docker-compose.yml runs', () => {
    const NUMBERS = [
      'zero',
      'one',
      'two',
      'three',
      'four',
      'five',
      'six',
      'seven',
      'eight',
      'nine',
      'ten',
      'eleven',
      'twelve',
      'thirteen',
    ];
    const [, number] = /runs its (\w+) services/.exec(read('Dockerfile')) ?? [];
    expect(number).toBe(NUMBERS[SERVICE_NAMES.length]);
  });

  it('builds in one stage and runs in another, on one version of Node that the program supports', () => {
    expect(stages.length).toBeGreaterThanOrEqual(2);
    const images = new Set(stages.map((s) => s[0]?.rest.split(/\s/)[0]));
    expect(images.size).toBe(1);
    const major = Number(/^node:(\d+)-/.exec([...images][0] ?? '')?.[1]);
    expect(major).toBeGreaterThanOrEqual(20);
  });

  it('runs as a user that is not root, and stays so', () => {
    expect(of('USER')).toEqual(['1000:1000']);
    const user = final.findIndex((i) => i.word === 'USER');
    expect(final.slice(user).map((i) => i.word)).not.toContain('RUN');
  });

  it('starts the program itself, so that it gets the signals', () => {
    const { bin } = JSON.parse(read('package.json')) as { bin: { ruawatch: string } };
    expect(of('ENTRYPOINT').map((e) => JSON.parse(e))).toEqual([['node', bin.ruawatch]]);
    expect(of('CMD').map((c) => JSON.parse(c))).toEqual([['start']]);
  });

  it('asks /livez where the program listens', () => {
    expect(of('ENV').join(' ')).toContain('HTTP_LISTEN=0.0.0.0:9807');
    const [check] = of('HEALTHCHECK');
    expect(check).toMatch(/CMD \["node", "-e", "fetch\('http:\/\/127\.0\.0\.1:9807\/livez'\)/);
  });

  it('lets every user read what it copies, and any number of user run it', () => {
    const build = stages.find((stage) => stage[0]!.rest.endsWith(' AS build'))!;
    const opened = build.find((i) => i.word === 'RUN' && i.rest.includes('chmod -R a+rX'))!.rest.split('chmod -R a+rX ')[1]!;
    const fromBuild = of('COPY')
      .filter((copy) => copy.startsWith('--from=build'))
      .map((copy) => copy.split(' ')[1]!.replace('/src/', '').split('/')[0]!);
    expect([...new Set(fromBuild)].sort()).toEqual(opened.split(' ').sort());
    const others = of('COPY').filter((copy) => !copy.startsWith('--from='));
    expect(others).toEqual(['LICENSE ./']);
    expect(of('VOLUME')).toEqual([]);
  });

  it('carries neither development tools nor optional packages, and runs no install script', () => {
    const installs = stages
      .flat()
      .filter((i) => i.word === 'RUN' && /npm (ci|install)/.test(i.rest))
      .map((i) => i.rest);
    expect(installs.length).toBeGreaterThan(0);
    for (const line of installs) expect(line).toMatch(/^npm ci .*--ignore-scripts/);
    const modules = of('COPY').find((c) => c.includes('node_modules'));
    const from = /--from=(\w+)/.exec(modules ?? '')?.[1];
    const stage = stages.find((s) => s[0]?.rest.endsWith(` AS ${from}`));
    expect(stage?.map((i) => i.rest)).toContainEqual(expect.stringMatching(/^npm ci --omit=dev --omit=optional /));
  });

  it('copies nothing that .dockerignore does not let in', () => {
    const lines = read('.dockerignore')
      .split('\n')
      .filter((l) => l !== '' && !l.startsWith('#'));
    expect(lines[0]).toBe('*');
    const allowed = new Set(lines.slice(1).map((l) => l.replace(/^!/, '')));
    const copied = stages
      .flat()
      .filter((i) => i.word === 'COPY' && !i.rest.startsWith('--from='))
      .flatMap((i) => i.rest.split(/\s+/).slice(0, -1));
    expect(copied.length).toBeGreaterThan(5);
    expect(copied.filter((c) => !allowed.has(c))).toEqual([]);
  });
});
