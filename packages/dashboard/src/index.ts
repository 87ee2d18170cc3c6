export { dashboard, type Dashboard, type RunningDashboard } from './dashboard.js';
export type { Access, Authorize, DashboardOptions } from './options.js';
