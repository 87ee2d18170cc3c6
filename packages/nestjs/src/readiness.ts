/** True while requests are wanted. It goes off when the application is asked to end, before anything else happens. */
export class Readiness {
  isReady = false;
}
