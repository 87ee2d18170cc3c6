import type { ComponentChildren } from 'preact';

interface NoticeProps {
  readonly kind: 'problem' | 'warning' | 'hint';
  readonly children: ComponentChildren;
}

export function Notice({ kind, children }: NoticeProps) {
  return (
    <div class={`notice ${kind}`} role={kind === 'problem' ? 'alert' : undefined}>
      {children}
    </div>
  );
}
