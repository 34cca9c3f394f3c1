package io.github.dl4jtorch.adapter;

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
          .importPackages("io.github.dl4jtorch.adapter");

  @Test
  void dependsOnSchedulesAndDl4jAlone() {
    classes()
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "java..",
            "org.jspecify.annotations..",
            "org.slf4j..",
            "io.github.dl4jtorch.schedules..",
            "io.github.dl4jtorch.adapter..",
            "org.deeplearning4j..",
            "org.nd4j.autodiff..",
            "org.nd4j.common..",
            "org.nd4j.linalg..",
            "org.nd4j.shade.jackson..")
        .check(CLASSES);
  }

  /** DL4J announces a rewrite of these. */
  @Test
  void touchesDl4jsUpdaterBlocksInOnePlace() {
    noClasses()
        .that()
        .doNotBelongToAnyOf(UpdaterBlocks.class)
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
