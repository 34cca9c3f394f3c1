package io.github.dl4jtorch.tensorboard;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

class ArchitectureTest {

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.github.dl4jtorch.tensorboard");

  /** The classes of TensorFlow that ND4J carries are its own affair. */
  @Test
  void dependsOnTheMonitorAlone() {
    classes()
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "java..",
            "javax.imageio..",
            "org.jspecify.annotations..",
            "io.github.dl4jtorch.adapter.watch..",
            "io.github.dl4jtorch.tensorboard..")
        .check(CLASSES);
  }
}
