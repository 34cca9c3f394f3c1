package io.github.dl4jtorch.recipes;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import io.github.dl4jtorch.fixtures.ArchitectureRules;
import org.junit.jupiter.api.Test;

class ArchitectureTest {

  private static final JavaClasses CLASSES =
      ArchitectureRules.classesOf("io.github.dl4jtorch.recipes");

  @Test
  void dependsOnWhatItIsMadeOfAlone() {
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
            "io.github.dl4jtorch.recipes..",
            "com.fasterxml.jackson.core..",
            "org.snakeyaml.engine.v2..",
            "org.deeplearning4j..",
            "org.nd4j.linalg..")
        .check(CLASSES);
  }

  /** Error Prone then refuses to compile a call whose result is dropped. */
  @Test
  void droppingWhatAWitherReturnsIsAnError() {
    assertThat(ArchitectureRules.withersOneMayDrop(CLASSES)).isEmpty();
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
