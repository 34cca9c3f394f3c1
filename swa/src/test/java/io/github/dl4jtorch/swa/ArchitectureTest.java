package io.github.dl4jtorch.swa;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.errorprone.annotations.CheckReturnValue;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.domain.JavaModifier;
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
            "com.google.errorprone.annotations..",
            "org.jspecify.annotations..",
            "org.slf4j..",
            "io.github.dl4jtorch.schedules..",
            "io.github.dl4jtorch.adapter..",
            "io.github.dl4jtorch.swa..",
            "org.deeplearning4j..",
            "org.nd4j.linalg..")
        .check(CLASSES);
  }

  /** Error Prone then refuses to compile a call whose result is dropped. */
  @Test
  void droppingWhatAWitherReturnsIsAnError() {
    assertThat(
            CLASSES.stream()
                .filter(
                    type -> !type.getSimpleName().endsWith("Builder")) // They change themselves.
                .filter(type -> type.getModifiers().contains(JavaModifier.PUBLIC))
                .flatMap(type -> type.getMethods().stream())
                .filter(method -> method.getModifiers().contains(JavaModifier.PUBLIC))
                .filter(method -> !method.getModifiers().contains(JavaModifier.STATIC))
                .filter(method -> method.getRawReturnType().equals(method.getOwner()))
                .filter(method -> !method.isAnnotatedWith(CheckReturnValue.class))
                .map(JavaMethod::getFullName))
        .isEmpty();
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
