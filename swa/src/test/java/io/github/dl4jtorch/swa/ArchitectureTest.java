package io.github.dl4jtorch.swa;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

class ArchitectureTest {

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.github.dl4jtorch.swa");

  @Test
  void dependsOnSchedulesAdapterAndDl4jAlone() {
    classes()
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "java..",
            "org.jspecify.annotations..",
            "org.slf4j..",
            "io.github.dl4jtorch.schedules..",
            "io.github.dl4jtorch.adapter..",
            "io.github.dl4jtorch.swa..",
            "org.deeplearning4j..",
            "org.nd4j.linalg..")
        .check(CLASSES);
  }

  /** DL4J announces a rewrite of these; adapter has the one place that touches them. */
  @Test
  void leavesDl4jsUpdaterBlocksToAdapter() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAPackage("org.deeplearning4j.nn.updater..")
        .check(CLASSES);
  }

  @Test
  void runsOnAnyBackend() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "org.nd4j.linalg.cpu..",
            "org.nd4j.linalg.jcublas..",
            "org.nd4j.nativeblas..",
            "org.bytedeco..")
        .check(CLASSES);
  }
}
