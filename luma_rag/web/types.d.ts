// Types of libraries that bring none.

declare module "markdown-it-footnote";
declare module "markdown-it-task-lists";
