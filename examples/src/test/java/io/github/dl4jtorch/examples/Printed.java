package io.github.dl4jtorch.examples;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Pattern;

/** What an example prints when it is run as a user runs it. */
record Printed(String text) {

  interface Main {
    void run(String[] args) throws Exception;
  }

  static Printed by(Main main) throws Exception {
    PrintStream terminal = System.out;
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
      main.run(new String[0]);
    } finally {
      System.setOut(terminal);
    }
    return new Printed(bytes.toString(StandardCharsets.UTF_8));
  }

  /** Returns the numbers behind a word, wherever it stands. */
  List<Double> numbers(String word) {
    return Pattern.compile(word + " ([0-9.]+)")
        .matcher(text)
        .results()
        .map(result -> Double.valueOf(result.group(1)))
        .toList();
  }

  /** Returns the numbers behind a word, in lines that start so. */
  List<Double> numbers(String start, String word) {
    return Pattern.compile("(?m)^" + start + ".* " + word + " +([0-9.]+)")
        .matcher(text)
        .results()
        .map(result -> Double.valueOf(result.group(1)))
        .toList();
  }
}
