import { useEffect, useRef } from 'preact/hooks';
import type { Capabilities } from '../src/wire.js';
import { api } from './api.js';
import { Doctor } from './doctor/doctor.js';
import { count } from './format.js';
import { LetterPage } from './letters/letter-page.js';
import { LettersPage } from './letters/letters-page.js';
import { Overview } from './overview/overview.js';
import { Announcements } from './parts/announce.js';
import { HealthChip } from './parts/health-chip.js';
import { Notice } from './parts/notice.js';
import { Row } from './row/row.js';
import { Shards } from './shards/shards.js';
import { useAnswer } from './use-answer.js';
import { useRoute } from './use-route.js';
import { type Live, useStream } from './use-stream.js';

export function App() {
  const { value: capabilities, error } = useAnswer(api.capabilities, 'capabilities');
  const live = useStream();
  const route = useRoute();
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Header route={route} live={live} capabilities={capabilities} />
      <Content route={route}>
        {error !== undefined && <Notice kind="problem">{error}</Notice>}
        {!live.isConnected && live.points.length > 0 && (
          <Notice kind="warning">The connection to the server is lost. It is tried again.</Notice>
        )}
        {capabilities && <View route={route} live={live} capabilities={capabilities} />}
      </Content>
      <Announcements />
    </>
  );
}

interface ViewProps {
  readonly route: readonly string[];
  readonly live: Live;
  readonly capabilities: Capabilities;
}

function View({ route: [place, ...rest], live, capabilities }: ViewProps) {
  switch (place) {
    case 'letters':
      return rest.length === 2 ? (
        <LetterPage shard={Number(rest[0])} id={rest[1] ?? ''} capabilities={capabilities} />
      ) : (
        <LettersPage capabilities={capabilities} total={live.snapshot?.status.dead} />
      );
    case 'shards':
      return <Shards />;
    case 'row':
      return <Row entities={capabilities.entities} entity={rest[0]} rowKey={rest[1]} />;
    case 'doctor':
      return <Doctor />;
    default:
      return <Overview live={live} capabilities={capabilities} />;
  }
}

function Header({
  route: [place = ''],
  live,
  capabilities,
}: Omit<ViewProps, 'capabilities'> & { readonly capabilities: Capabilities | undefined }) {
  const dead = live.snapshot?.status.dead ?? 0;
  const link = (to: string, text: string, badge = 0) => (
    <a href={`#/${to}`} aria-current={place === to ? 'page' : undefined}>
      {text}
      {badge > 0 && <span class="badge">{count(badge)}</span>}
    </a>
  );
  return (
    <header>
      <div class="brand">
        <span class="name">Spillway</span>
        <HealthChip live={live} />
        {capabilities?.access === 'read' && <span class="quiet">read-only</span>}
      </div>
      <nav aria-label="Views">
        {link('', 'Overview')}
        {link('letters', 'Dead letters', dead)}
        {link('shards', 'Shards')}
        {link('row', 'Row')}
        {capabilities?.can.diagnose === true && link('doctor', 'Doctor')}
      </nav>
    </header>
  );
}

/** After a change of the view, the keyboard goes on at its heading. */
function Content({
  route,
  children,
}: {
  readonly route: readonly string[];
  readonly children: preact.ComponentChildren;
}) {
  const main = useRef<HTMLElement>(null);
  const view = route.join('/');
  const shown = useRef(view);
  useEffect(() => {
    if (shown.current === view) return;
    shown.current = view;
    main.current?.focus();
    scrollTo(0, 0);
  }, [view]);
  return (
    <main id="main" ref={main} tabIndex={-1}>
      {children}
    </main>
  );
}
