import type { DefaultTheme } from 'vitepress';
/** Every page of the site, in the order of a first reading. A test compares it with the files. */
export declare const sidebar: DefaultTheme.SidebarItem[];
