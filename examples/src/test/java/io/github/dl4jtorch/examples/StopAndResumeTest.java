package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class StopAndResumeTest {

  @Test
  void endsAsIfItHadNotStopped() throws Exception {
    PrintStream terminal = System.out;
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
      StopAndResume.main(new String[0]);
    } finally {
      System.setOut(terminal);
    }
    assertThat(bytes.toString(StandardCharsets.UTF_8).lines())
        .containsExactly(
            "undisturbed: starts with 0 epochs and 0 batches done",
            "with a power cut: starts with 0 epochs and 0 batches done",
            "with a power cut: stopped after batch 46",
            "resumed: starts with 4 epochs and 44 batches done",
            "parameters equal to the bit: true");
  }
}
