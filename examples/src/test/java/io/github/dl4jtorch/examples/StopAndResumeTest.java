package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class StopAndResumeTest {

  @Test
  void endsAsIfItHadNotStopped() throws Exception {
    String output = Printed.by(StopAndResume::main).text();
    assertThat(output.lines())
        .containsExactly(
            "undisturbed: starts with 0 epochs and 0 batches done",
            "with a power cut: starts with 0 epochs and 0 batches done",
            "with a power cut: stopped after batch 46",
            "resumed: starts with 4 epochs and 44 batches done",
            "parameters equal to the bit: true");
  }
}
