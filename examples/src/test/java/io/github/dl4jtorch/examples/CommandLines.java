package io.github.dl4jtorch.examples;

import java.io.PrintWriter;
import java.io.StringWriter;
import picocli.CommandLine;

/**
 * What a command line gave.
 *
 * @param exitCode the exit code
 * @param out what was printed
 * @param err what was complained of
 */
record CommandLines(int exitCode, String out, String err) {

  /** Runs a command, with plain line feeds for line ends. */
  static CommandLines run(CommandLine commandLine, String... args) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int exitCode =
        commandLine.setOut(new PrintWriter(out)).setErr(new PrintWriter(err)).execute(args);
    return new CommandLines(exitCode, lineFeeds(out), lineFeeds(err));
  }

  private static String lineFeeds(StringWriter text) {
    return text.toString().replace(System.lineSeparator(), "\n");
  }
}
