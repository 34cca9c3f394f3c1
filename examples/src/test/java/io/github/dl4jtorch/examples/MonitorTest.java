package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MonitorTest {

  @TempDir Path folder;

  @Test
  void writesTheRatesOfAllUpdates() throws IOException {
    Path file = folder.resolve("new folder").resolve("rates.csv");
    Monitor.main(new String[] {file.toString()});
    List<String> lines = Files.readAllLines(file);
    assertThat(lines).hasSize(201);
    assertThat(lines.get(0))
        .isEqualTo(
            "iteration,epoch,param group 0 lr,param group 0 momentum,param group 1 lr,param group 1"
                + " momentum");
    assertThat(lines.get(1)).isEqualTo("0,0,0.02,0.9,0.1,0.9");
    assertThat(lines.get(100)).isEqualTo("99,9,0.02,0.9,0.1,0.9");
    assertThat(lines.get(101)).isEqualTo("100,10,0.002,0.9,0.010000000000000002,0.9");
    assertThat(lines.get(200)).isEqualTo("199,19,2.0E-4,0.9,0.0010000000000000002,0.9");
  }
}
