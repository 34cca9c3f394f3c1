package io.github.dl4jtorch.examples;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** Reports in a line what a user can put right; anything else keeps its stack trace. */
final class OneLine implements IParameterExceptionHandler, IExecutionExceptionHandler {

  /** Lets a command report its errors so. */
  static CommandLine reportFor(CommandLine command) {
    return command
        .setParameterExceptionHandler(new OneLine())
        .setExecutionExceptionHandler(new OneLine());
  }

  /** Runs a command as a program, which ends with its exit code. */
  static void run(CommandLine command, String[] args) {
    System.setProperty("java.awt.headless", "true");
    int exitCode = command.execute(args);
    if (exitCode != 0) {
      System.exit(exitCode);
    }
  }

  @Override
  public int handleParseException(ParameterException exception, String[] args) {
    CommandLine commandLine = exception.getCommandLine();
    report(exception.getMessage() + "; --help lists the options", commandLine);
    return commandLine.getCommandSpec().exitCodeOnInvalidInput();
  }

  @Override
  public int handleExecutionException(
      Exception exception, CommandLine commandLine, ParseResult parseResult) throws Exception {
    if (!(exception instanceof IOException)) {
      throw exception;
    }
    report(describe(exception), commandLine);
    return commandLine.getCommandSpec().exitCodeOnExecutionException();
  }

  private static void report(String message, CommandLine commandLine) {
    commandLine.getErr().println(commandLine.getCommandName() + ": " + message);
    commandLine.getErr().flush();
  }

  /** The messages of file exceptions are often nothing but the file. */
  private static String describe(Exception exception) {
    if (exception instanceof AccessDeniedException denied) {
      return denied.getFile() + " cannot be accessed: permission denied";
    }
    if (exception instanceof FileAlreadyExistsException present) {
      return present.getFile() + " is a file, not a folder";
    }
    if (exception instanceof NoSuchFileException missing) {
      return missing.getFile() + " does not exist";
    }
    if (exception instanceof FileSystemException failed) {
      return failed.getFile() + ": " + failed.getReason();
    }
    return String.valueOf(exception.getMessage());
  }
}
