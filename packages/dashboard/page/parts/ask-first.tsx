import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface AskFirstProps {
  readonly title: string;
  /** What the button says that does it. */
  readonly act: string;
  readonly children: ComponentChildren;
  readonly onAct: () => void;
  readonly onClose: () => void;
}

/** A dialog before an act that cannot be taken back. Escape closes it, and the focus returns to where it was. */
export function AskFirst({ title, act, children, onAct, onClose }: AskFirstProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => before instanceof HTMLElement && before.focus();
  }, []);
  const close = (then: () => void) => () => {
    dialog.current?.close();
    then();
  };
  return (
    <dialog ref={dialog} aria-labelledby="ask-title" onCancel={onClose}>
      <h2 id="ask-title">{title}</h2>
      {children}
      <div class="buttons">
        <button type="button" onClick={close(onClose)}>
          Cancel
        </button>
        <button type="button" class="danger" onClick={close(onAct)}>
          {act}
        </button>
      </div>
    </dialog>
  );
}
