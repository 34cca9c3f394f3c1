package io.github.dl4jtorch.handover;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import io.github.dl4jtorch.fixtures.ArchitectureRules;
import org.junit.jupiter.api.Test;

class ArchitectureTest {

  private static final JavaClasses CLASSES =
      ArchitectureRules.classesOf("io.github.dl4jtorch.handover");

  @Test
  void dependsOnTheOtherModulesAndDl4jAlone() {
    classes()
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "java..",
            "com.google.errorprone.annotations..",
            "org.jspecify.annotations..",
            "io.github.dl4jtorch.schedules..",
            "io.github.dl4jtorch.adapter..",
            "io.github.dl4jtorch.swa..",
            "io.github.dl4jtorch.files..",
            "io.github.dl4jtorch.handover..",
            "org.deeplearning4j..",
            "org.nd4j.linalg..")
        .check(CLASSES);
  }

  /**
   * Error Prone then refuses to compile a call whose result is dropped. A TorchTraining is a
   * builder, and returns itself.
   */
  @Test
  void droppingWhatAWitherReturnsIsAnError() {
    assertThat(ArchitectureRules.withersOneMayDrop(CLASSES, "TorchTraining")).isEmpty();
  }

  @Test
  void leavesDl4jsUpdaterBlocksToAdapter() {
    ArchitectureRules.LEAVES_UPDATER_BLOCKS_TO_ADAPTER.check(CLASSES);
  }

  @Test
  void runsOnAnyBackend() {
    ArchitectureRules.RUNS_ON_ANY_BACKEND.check(CLASSES);
  }
}
