// What `build-labextension` does not know by itself: TypeScript, JSX as preact's, and pictures as text.
module.exports = {
  // Our own sources, and parts of preact, whose license is in its own folder.
  ignoreWarnings: [/license file for (mipro-nb-js|preact-hooks|jsx-runtime)/],
  resolve: { extensions: [".tsx", ".ts", ".js"] },
  module: {
    rules: [
      { test: /\.svg$/, type: "asset/source" },
      {
        test: /\.tsx?$/,
        loader: "builtin:swc-loader",
        options: {
          jsc: {
            parser: { syntax: "typescript", tsx: true },
            target: "es2022",
            transform: { react: { runtime: "automatic", importSource: "preact" } },
          },
        },
        type: "javascript/auto",
      },
    ],
  },
};
