interface TileProps {
  readonly label: string;
  readonly value: string;
  readonly hint?: string;
  readonly isBad?: boolean;
  readonly href?: string;
}

/** One number, with its name. */
export function Tile({ label, value, hint, isBad = false, href }: TileProps) {
  return (
    <div class={isBad ? 'tile bad' : 'tile'}>
      <dt>{href === undefined ? label : <a href={href}>{label}</a>}</dt>
      <dd>
        <span class="value">{value}</span>
        {hint !== undefined && <span class="quiet">{hint}</span>}
      </dd>
    </div>
  );
}
