import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { SERVICE_NAMES } from '../../services/cli/commands/start.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

interface Service {
  image?: string;
  build?: object;
  logging?: object;
  command?: string[];
  container_name?: string;
  ports?: unknown[];
  profiles?: string[];
  environment?: Record<string, string>;
  secrets?: string[];
  networks?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test?: string[]; disable?: boolean };
  restart?: string;
  init?: boolean;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  stop_grace_period?: string;
  mem_limit?: string;
  configs?: { source: string; target: string }[];
}
interface Compose {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean }>;
  secrets: Record<string, { file: string }>;
  configs: Record<string, { file: string }>;
}

const text = readFileSync(path.join(ROOT, 'docker-compose.yml'), 'utf8');
const compose = parse(text, { merge: true }) as Compose;
const service = (name: string): Service => {
  const found = compose.services[name];
  if (!found) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
};
const all = Object.entries(compose.services);
const holdersOf = (secret: string) => all.filter(([, s]) => s.secrets?.includes(secret)).map(([name]) => name);

describe('docker-compose.yml', () => {
  it('has the database, the queue, the migration and every service of the program', () => {
    expect(Object.keys(compose.services).sort()).toEqual(['migrate', 'postgres', 'redis', ...SERVICE_NAMES].sort());
    for (const name of SERVICE_NAMES) expect(service(name).command).toEqual(['start', name]);
    expect(service('migrate').command).toEqual(['migrate']);
  });

  it.each(SERVICE_NAMES)('%s is restarted, watched, drained, and confined', (name) => {
    expect(service(name)).toMatchObject({
      restart: 'unless-stopped',
      init: true,
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      stop_grace_period: '60s',
    });
    expect(service(name).healthcheck?.test?.join(' ')).toMatch(/^CMD node -e fetch\('http:\/\/127\.0\.0\.1:9807\/livez'\)/);
    expect(service(name).environment?.HTTP_LISTEN).toBe('0.0.0.0:9807');
  });

  it.each(SERVICE_NAMES)('%s waits for the servers and the schema', (name) => {
    expect(service(name).depends_on).toEqual({
      postgres: { condition: 'service_healthy' },
      redis: { condition: 'service_healthy' },
      migrate: { condition: 'service_completed_successfully' },
    });
  });

  it('runs the migration once', () => {
    expect(service('migrate')).toMatchObject({ restart: 'no', depends_on: { postgres: { condition: 'service_healthy' } } });
  });

  it('lets every service be scaled, and publishes no port but that of the console, to this host alone', () => {
    for (const [name, s] of all) {
      expect(s.container_name, name).toBeUndefined();
      expect(s.ports, name).toEqual(name === 'console' ? ['127.0.0.1:9808:9808'] : undefined);
    }
  });

  it('starts every service but those that need settings of their own without being asked', () => {
    const profiles: Record<string, string[]> = {
      gateway: ['gateway'],
      milter: ['milter'],
      collector: ['logs'],
      cluster: ['cluster'],
    };
    for (const [name, s] of all) expect(s.profiles, name).toEqual(profiles[name]);
  });

  it('watches the database and the queue', () => {
    expect(service('postgres').healthcheck?.test).toContain('pg_isready');
    expect(service('redis').healthcheck?.test).toContain('redis-cli');
  });

  it('has no password, neither written down nor by default', () => {
    expect(text).not.toMatch(/PASSWORD: |PASSWORD=|:\/\/[^\s/]*:[^\s/]*@/);
    expect(text).not.toMatch(/\$\{[A-Z_]*(PASSWORD|SECRET(?!S_DIR)|_URL)[A-Z_]*:?-/);
    expect(service('postgres').environment?.POSTGRES_PASSWORD_FILE).toBe('/run/secrets/postgres_password');
    for (const [name, { file }] of Object.entries(compose.secrets)) expect(file).toMatch(new RegExp(`/${name}$`));
    for (const [name, s] of all) {
      for (const key of Object.keys(s.environment ?? {}))
        expect(`${name} ${key}`).not.toMatch(/ (DATABASE_URL|IMAP_URL|SMTP_URL|POSTGRES_PASSWORD)$/);
      for (const secret of s.secrets ?? []) expect(Object.keys(compose.secrets)).toContain(secret);
    }
  });

  it('gives each credential to its holder alone', () => {
    expect(holdersOf('imap_url')).toEqual(['poller']);
    expect(holdersOf('smtp_url')).toEqual(['alerter']);
    expect(holdersOf('postgres_password')).toEqual(['postgres']);
  });

  it('lets only the services that speak to mail servers, DNS or people out of the backend network', () => {
    expect(compose.networks.backend?.internal).toBe(true);
    const outside = all.filter(([, s]) => s.networks?.some((n) => !compose.networks[n]?.internal)).map(([name]) => name);
    expect(outside.sort()).toEqual([
      'alerter',
      'applier',
      'approver',
      'cluster',
      'collector',
      'console',
      'enricher',
      'gateway',
      'milter',
      'parser',
      'poller',
      'watcher',
    ]);
    for (const [name, s] of all) expect(s.networks, name).toContain('backend');
  });

  it('gives ruawatch.yaml to every service of the program, and RUAWATCH_CONFIG names where it is', () => {
    expect(compose.configs.ruawatch_yaml?.file).toMatch(/^\$\{RUAWATCH_YAML:-\.\/ruawatch\.yaml\}$/);
    for (const name of ['migrate', ...SERVICE_NAMES]) {
      const target = service(name).environment?.RUAWATCH_CONFIG;
      expect(target, name).toBeDefined();
      expect(service(name).configs, name).toEqual([{ source: 'ruawatch_yaml', target }]);
    }
  });

  it('limits the memory of every container', () => {
    for (const [name, s] of all) expect(s.mem_limit, name).toMatch(/^\d+[mg]$/);
  });

  it('has no setting that may be empty but those with a default', () => {
    for (const [, variable, rest] of text.matchAll(/\$\{([A-Z_]+)([^}]*)\}/g)) expect(rest, variable).toMatch(/^:[-?]\S/);
    expect(text).not.toMatch(/\$[A-Z_]/);
  });

  it('says which Compose it needs, and uses nothing that is newer', () => {
    const least = /Compose (v2(?:\.\d+)+)/;
    const [, said] = least.exec(text.split('\n')[0]!)!;
    expect(least.exec(readFileSync(path.join(ROOT, 'README.md'), 'utf8'))![1]).toBe(said);
    // Since which version of Compose its reader takes each key, found with the readers themselves (compose-go
    // 1.0.3 is in Compose 2.0, 1.0.8 in 2.2.2, 1.1.0 in 2.3.2; those up to 2.24.0 were tried): 2.2.3 still
    // refuses `name`, all others are older. Whoever uses a new key looks up which version brought it.
    const since = {
      'v2.0.0': {
        top: 'services networks volumes secrets configs',
        service: `build cap_add cap_drop command configs depends_on environment healthcheck image init logging mem_limit networks
          ports profiles read_only restart secrets security_opt shm_size stop_grace_period tmpfs user volumes`,
        build: 'context',
        logging: 'driver options',
        healthcheck: 'test interval timeout start_period retries disable',
        depends: 'condition',
        network: 'internal',
        file: 'file',
        config: 'source target',
      },
      'v2.3.2': { top: 'name' },
    };
    const used = {
      top: Object.keys(compose).filter((key) => !key.startsWith('x-')),
      service: all.flatMap(([, s]) => Object.keys(s)),
      healthcheck: all.flatMap(([, s]) => Object.keys(s.healthcheck ?? {})),
      build: all.flatMap(([, s]) => Object.keys(s.build ?? {})),
      logging: all.flatMap(([, s]) => Object.keys(s.logging ?? {})),
      network: Object.values(compose.networks).flatMap(Object.keys),
      depends: all.flatMap(([, s]) => Object.values(s.depends_on ?? {}).flatMap(Object.keys)),
      file: [...Object.values(compose.secrets), ...Object.values(compose.configs)].flatMap(Object.keys),
      config: all.flatMap(([, s]) => (s.configs ?? []).flatMap(Object.keys)),
    };
    const of = (version: keyof typeof since, name: string) =>
      ((since[version] as Record<string, string | undefined>)[name] ?? '').split(/\s+/);
    const versions = Object.keys(since) as (keyof typeof since)[];
    const needed = Object.entries(used).flatMap(([name, keys]) =>
      keys.map((key) => versions.find((version) => of(version, name).includes(key)) ?? `${name} ${key} is of an unknown version`),
    );
    expect([...new Set(needed)].sort()).toEqual(versions);
    expect(versions.at(-1)).toBe(said);
    expect(new Set(all.flatMap(([, s]) => Object.values(s.depends_on ?? {}).map((one) => one.condition)))).toEqual(
      new Set(['service_healthy', 'service_completed_successfully']),
    );
  });

  it('names a version of every image', () => {
    for (const [name, s] of all) expect(s.image, name).toMatch(/^[a-z]+:\d[\w.-]*$/);
    const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string };
    for (const name of ['migrate', ...SERVICE_NAMES]) expect(service(name).image).toBe(`ruawatch:${version}`);
  });
});
