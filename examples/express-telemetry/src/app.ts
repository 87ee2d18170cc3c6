import { RequestContext, type EntityManager, type MikroORM } from '@mikro-orm/postgresql';
import { Spillway } from '@spillway/core';
import { PROMETHEUS_CONTENT_TYPE, prometheusText } from '@spillway/telemetry';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { DeviceState } from './device-state.js';
import { readReport, record } from './report.js';
import { Reading } from './reading.js';

export interface Telemetry {
  readonly app: Express;
  /** From now on the process is not ready: it has been asked to end. */
  readonly refuse: () => void;
}

/** The application without its server, so that a test can have it too. */
export function telemetry(orm: MikroORM): Telemetry {
  const app = express();
  const service = Spillway.of(orm);
  let isEnding = false;
  const em = (): EntityManager => orm.em;

  app.get('/health/live', (_request, response) => void response.json({ status: 'up' }));
  app.get('/health/ready', async (_request, response) => {
    const health = await service.health();
    response.status(isEnding || health.status === 'down' ? 503 : 200).json({ isEnding, ...health });
  });

  app.get('/metrics', async (_request, response) => {
    response.type(PROMETHEUS_CONTENT_TYPE).send(await prometheusText(orm));
  });

  app.use(express.json());
  app.use((_request, _response, next) => RequestContext.create(orm.em, next));

  app.post('/devices/:device/readings', async (request, response) => {
    await record(em(), readReport(request.params.device, request.body));
    response.status(202).end();
  });

  app.get('/devices/:device', async (request, response) => {
    // By key: what is pending is laid over the row, from whichever process it came.
    const state = await em().findOne(DeviceState, request.params.device);
    if (state) response.json(state);
    else response.status(404).json({ error: `Nobody has heard of device ${request.params.device}` });
  });

  app.get('/devices/:device/readings', async (request, response) => {
    // Not by key: what is pending is written first, then PostgreSQL answers.
    const { device } = request.params;
    const readings = await em().find(Reading, { device }, { orderBy: { at: 'desc' }, limit: 100 });
    response.json(readings.map(({ at, temperature }) => ({ at, temperature })));
  });

  app.use(answerErrors);
  return { app, refuse: () => void (isEnding = true) };
}

const answerErrors: ErrorRequestHandler = (error: unknown, _request, response, _next) => {
  const isTheirs = error instanceof TypeError;
  if (!isTheirs) console.error(error);
  response.status(isTheirs ? 400 : 500).json({ error: isTheirs ? error.message : 'Something went wrong here' });
};
