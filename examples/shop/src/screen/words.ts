export function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

export function seconds(value: number): string {
  return `${value.toFixed(1)} s`;
}
