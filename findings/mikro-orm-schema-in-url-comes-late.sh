#!/usr/bin/env bash
# @mikro-orm/core and @mikro-orm/postgresql 7.2.1: `?schema=app` in `clientUrl` is read when the connection's options are
# first asked for, not when the ORM is made. Until then the ORM's schema is `public`. The URL of a read replica does the same
# to the whole ORM: its `?schema=` becomes the schema of writes, too. No server is asked. Needs npm.
# Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent @mikro-orm/core@7.2.1 @mikro-orm/postgresql@7.2.1
cat >show.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { EntitySchema, MikroORM } from '@mikro-orm/postgresql';

const { version } = JSON.parse(readFileSync('node_modules/@mikro-orm/core/package.json', 'utf8'));
const Item = new EntitySchema({ name: 'Item', properties: { id: { type: 'integer', primary: true } } });
const url = 'postgres://localhost:1/shop';

const late = new MikroORM({ entities: [Item], clientUrl: `${url}?schema=app` });
const before = late.config.get('schema');
late.em.getConnection('write').getConnectionOptions();
const after = late.config.get('schema');
console.log(`@mikro-orm/core ${version}: clientUrl with ?schema=app: schema ${before} after the ORM is made, ${after} after its options are asked for`);

const other = new MikroORM({ entities: [Item], clientUrl: url, replicas: [{ clientUrl: `${url}?schema=app` }] });
const own = other.config.get('schema');
other.em.getConnection('read').getConnectionOptions();
const replicas = other.config.get('schema');
console.log(`a replica with ?schema=app: schema of the ORM ${own} before, ${replicas} after`);

process.exitCode = before === 'public' && after === 'app' && own === 'public' && replicas === 'app' ? 0 : 1;
JS
node show.mjs
