package io.github.dl4jtorch.examples.spark;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** The example trains, and its workers are at the rates of its schedules. */
class TrainOnSparkTest {

  @ParameterizedTest
  @CsvSource({
    "onecycle, fit  0  iterations   0-  7  lr 0.012000-0.039502, fit 14  iterations 112-119  lr 0.005112-0.000001",
    "sequential, fit  0  iterations   0-  7  lr 0.020000-0.020000, fit 14  iterations 112-119  lr 0.004051-0.004051",
    "plateau, fit  0  iterations   0-  7  lr 0.500000-0.500000, fit 14  iterations 112-119  lr 0."
  })
  void trains(String recipe, String first, String last) {
    StringWriter written = new StringWriter();
    CommandLine commandLine = TrainOnSpark.commandLine().setOut(new PrintWriter(written));
    int exitCode = commandLine.execute("--recipe", recipe);
    System.out.println(written);

    assertThat(exitCode).isZero();
    assertThat(written.toString().lines())
        .hasSize(18)
        .contains(
            "Training by recipe "
                + recipe
                + ": 15 fits of 4 splits, 2 iterations of each worker in each split")
        .anyMatch(line -> line.startsWith(first))
        .anyMatch(line -> line.startsWith(last))
        .last()
        .asString()
        .matches("Accuracy on the flowers it was trained on: (0.9[5-9]|1.00)");
  }
}
