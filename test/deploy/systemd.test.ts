import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ENV_KEYS } from '../../services/shared/settings/settings-schema.ts';

const FILE = path.resolve(import.meta.dirname, '../../deploy/ruawatch.service');
const lines = readFileSync(FILE, 'utf8').split('\n');
const of = (key: string) => lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));

describe('deploy/ruawatch.service', () => {
  test('has only sections, settings and comments, and systemd finds nothing wrong where it is installed', () => {
    for (const line of lines) expect(line).toMatch(/^$|^#|^\[(Unit|Service|Install)\]$|^[A-Z]\w+=/);
    const { error, status, stderr } = spawnSync('systemd-analyze', ['verify', FILE], { encoding: 'utf8' });
    if (error === undefined) expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test('runs start as a user of its own, may write to its state folder only, and is given time to drain', () => {
    expect(of('ExecStart')).toEqual(['/usr/bin/env ruawatch start']);
    expect(of('User')).toEqual(['ruawatch']);
    expect(of('ProtectSystem')).toEqual(['strict']);
    expect(of('Environment')).toContain(`RUAWATCH_DATA_DIR=/var/lib/${of('StateDirectory')[0]}`);
    expect(Number(of('TimeoutStopSec')[0])).toBeGreaterThan(60);
    expect(of('Restart')).toEqual(['on-failure']);
  });

  test('sets settings that exist', () => {
    const known = new Set<string>([...ENV_KEYS, 'RUAWATCH_CONFIG', 'NODE_ENV']);
    for (const setting of of('Environment')) expect(known).toContain(setting.split('=')[0]);
  });
});
