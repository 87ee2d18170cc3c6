import { freePort as portOfNobody } from '../../tools/servers/start-server.mjs';

/** A port of 127.0.0.1 that no server has at present, for settings that name one. */
export async function freePort(): Promise<number> {
  return portOfNobody();
}
