"""The page at /schema, in a real browser: it renders, and asks nobody but the service."""

from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait


def test_the_page_renders_from_files_of_the_service(driver: webdriver.Chrome, server: str) -> None:
    driver.get_log("browser")
    driver.get(f"{server}/schema")
    wait = WebDriverWait(driver, 60)
    wait.until(lambda _: len(driver.find_elements(By.CSS_SELECTOR, ".opblock-tag")) == 7)
    driver.find_element(By.CSS_SELECTOR, "#operations-tag-namespaces").click()
    selector = "#operations-namespaces-createNamespace"
    wait.until(lambda _: driver.find_elements(By.CSS_SELECTOR, selector))
    driver.find_element(By.CSS_SELECTOR, f"{selector} .opblock-summary-control").click()
    wait.until(
        lambda _: "contracts" in driver.find_element(By.CSS_SELECTOR, f"{selector} .body-param__example").text
    )
    names = "return performance.getEntriesByType('resource').map(entry => entry.name)"
    requests = driver.execute_script(names)
    assert any(name.endswith("/schema/openapi.json") for name in requests)
    hosts = {urlsplit(name).netloc for name in requests if not name.startswith("data:")}
    assert hosts == {urlsplit(server).netloc}
    complaints = [entry["message"] for entry in driver.get_log("browser")]
    assert not [text for text in complaints if "Content Security Policy" in text or "Uncaught" in text]
